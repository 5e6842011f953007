"""A card's place in the published status list"""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    with op.batch_alter_table('badges') as batch:
        batch.add_column(sa.Column('status_index', sa.Integer(), nullable=True))
        batch.create_unique_constraint(op.f('uq_badges_status_index'), ['status_index'])


def downgrade() -> None:
    with op.batch_alter_table('badges') as batch:
        batch.drop_constraint(op.f('uq_badges_status_index'), type_='unique')
        batch.drop_column('status_index')
