"""The changes that residents have not been told of, for the board"""

from alembic import op
import sqlalchemy as sa


revision = '0024'
down_revision = '0019'


def upgrade() -> None:
    untold = sa.text('told_at IS NULL')
    op.create_index('ix_notices_untold', 'notices', ['reference_at', 'event_id'], unique=False, sqlite_where=untold, postgresql_where=untold)


def downgrade() -> None:
    op.drop_index('ix_notices_untold', table_name='notices')
