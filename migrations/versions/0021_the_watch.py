"""The watch: who looks when for what nobody reports"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0021'
down_revision = '0019'


def upgrade() -> None:
    op.create_table('watch_turns',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('every_seconds', sa.Integer(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('looked_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_watch_turns'))
    )


def downgrade() -> None:
    op.drop_table('watch_turns')
