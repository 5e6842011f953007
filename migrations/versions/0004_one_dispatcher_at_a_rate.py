"""Which dispatcher keeps to a sender's rate"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    with op.batch_alter_table('sender_states') as batch:
        batch.add_column(sa.Column('pacer', sa.String(length=80), nullable=True))
        batch.add_column(sa.Column('pacer_until', UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('sender_states') as batch:
        batch.drop_column('pacer_until')
        batch.drop_column('pacer')
