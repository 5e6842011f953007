"""Fewer indexes on scans, which are written more often than anything else"""

from alembic import op
import sqlalchemy as sa

revision = '0016'
down_revision = '0015'

_RED = sa.text("state = 'not_confirmed'")


def upgrade() -> None:
    op.drop_index('ix_scans_at', 'scans')
    op.drop_index('ix_scans_address', 'scans')
    op.create_index(
        'ix_scans_not_confirmed', 'scans', ['address', 'at'], sqlite_where=_RED, postgresql_where=_RED
    )


def downgrade() -> None:
    op.drop_index('ix_scans_not_confirmed', 'scans')
    op.create_index('ix_scans_address', 'scans', ['address', 'at'])
    op.create_index('ix_scans_at', 'scans', ['at'])
