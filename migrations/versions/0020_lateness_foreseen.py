"""Lateness that was foreseen: what was last predicted of a visit, and windows in texts"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0020'
down_revision = '0019'


def upgrade() -> None:
    op.create_table('forecasts',
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('evaluated_at', UtcDateTime(), nullable=False),
    sa.Column('probability', sa.Double(), nullable=True),
    sa.Column('due_at', UtcDateTime(), nullable=True),
    sa.Column('likely_since', UtcDateTime(), nullable=True),
    sa.Column('told_at', UtcDateTime(), nullable=True),
    sa.Column('told_starts_at', UtcDateTime(), nullable=True),
    sa.Column('expected_at', UtcDateTime(), nullable=True),
    sa.Column('window_from_at', UtcDateTime(), nullable=True),
    sa.Column('window_to_at', UtcDateTime(), nullable=True),
    sa.Column('message_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_forecasts_message_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_forecasts_visit_id')),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_forecasts'))
    )
    op.add_column('messages', sa.Column('window_from_at', UtcDateTime(), nullable=True))
    op.add_column('messages', sa.Column('window_to_at', UtcDateTime(), nullable=True))


def downgrade() -> None:
    # A window's text becomes one of its middle, as the version before would have told it.
    op.drop_column('messages', 'window_to_at')
    op.drop_column('messages', 'window_from_at')
    op.drop_table('forecasts')
