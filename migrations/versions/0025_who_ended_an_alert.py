"""Who said that an alert is over: what ended by itself is raised again when it happens again"""

from alembic import op
import sqlalchemy as sa


revision = '0025'
down_revision = '0024'


def upgrade() -> None:
    with op.batch_alter_table('alerts') as batch:
        batch.add_column(sa.Column('ended_by_id', sa.Uuid(), nullable=True))
        batch.create_foreign_key(op.f('fk_alerts_ended_by_id'), 'users', ['ended_by_id'], ['id'])
    # Of those that are over by now nobody knows: what somebody saw to stays over.
    op.execute("UPDATE alerts SET ended_by_id = acknowledged_by_id WHERE status = 'ended'")


def downgrade() -> None:
    with op.batch_alter_table('alerts') as batch:
        batch.drop_constraint(op.f('fk_alerts_ended_by_id'), type_='foreignkey')
        batch.drop_column('ended_by_id')
