"""Live codes between a resident and the officer's phone"""

from alembic import op
import sqlalchemy as sa

from models.database import UtcDateTime

revision = '0010'
down_revision = '0005'


def upgrade() -> None:
    op.create_table(
        'live_codes',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('badge_id', sa.Uuid(), nullable=False),
        sa.Column('officer_id', sa.Uuid(), nullable=False),
        sa.Column('token_issued_at', UtcDateTime(), nullable=False),
        sa.Column('asker', sa.String(length=16), nullable=False),
        sa.Column('code', sa.String(length=4), nullable=False),
        sa.Column('asked_at', UtcDateTime(), nullable=False),
        sa.Column('not_mine_at', UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_live_codes_badge_id')),
        sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_live_codes_officer_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_live_codes')),
        sa.UniqueConstraint('badge_id', 'token_issued_at', name=op.f('uq_live_codes_badge_id_token_issued_at')),
    )
    op.create_index('ix_live_codes_officer', 'live_codes', ['officer_id', 'asked_at', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_live_codes_officer', 'live_codes')
    op.drop_table('live_codes')
