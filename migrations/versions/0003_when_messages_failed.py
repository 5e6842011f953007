"""When a message was given up, found by its time

An expired message has such a time, too.
"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.execute("UPDATE messages SET failed_at = expires_at WHERE status = 'expired' AND failed_at IS NULL")
    is_set = sa.text('failed_at IS NOT NULL')
    op.create_index('ix_messages_failed_at', 'messages', ['failed_at'], unique=False, postgresql_where=is_set, sqlite_where=is_set)


def downgrade() -> None:
    op.drop_index('ix_messages_failed_at', 'messages')
    op.execute("UPDATE messages SET failed_at = NULL WHERE status = 'expired'")
