"""What the board looks for: residents who were not told of a change, and visits that nobody is to make yet"""

from alembic import op
import sqlalchemy as sa


revision = '0024'
down_revision = '0023'

_UNTOLD = sa.text('told_at IS NULL')
_UNASSIGNED = sa.text('officer_id IS NULL')


def upgrade() -> None:
    op.create_index(
        'ix_notices_untold', 'notices', ['reference_at', 'event_id'], sqlite_where=_UNTOLD, postgresql_where=_UNTOLD
    )
    op.create_index(
        'ix_visits_unassigned',
        'visits',
        ['status', 'starts_at', 'id'],
        sqlite_where=_UNASSIGNED,
        postgresql_where=_UNASSIGNED,
    )


def downgrade() -> None:
    op.drop_index('ix_visits_unassigned', 'visits')
    op.drop_index('ix_notices_untold', 'notices')
