"""Bundles of badge tokens, for phones without signal"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table('bundles',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('badge_id', sa.Uuid(), nullable=False),
    sa.Column('sign_in_id', sa.Uuid(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('replaced_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_bundles_badge_id')),
    sa.ForeignKeyConstraint(['sign_in_id'], ['sign_ins.id'], name=op.f('fk_bundles_sign_in_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bundles'))
    )
    op.create_index('ix_bundles_sign_in_id', 'bundles', ['sign_in_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_bundles_sign_in_id', 'bundles')
    op.drop_table('bundles')
