"""Live codes, whether a visit is due, and checks by telephone"""

from alembic import op
import sqlalchemy as sa

from models.database import UtcDateTime

revision = '0008'
down_revision = '0007'


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
    op.create_table(
        'due_tries',
        sa.Column('badge_id', sa.Uuid(), nullable=False),
        sa.Column('token_issued_at', UtcDateTime(), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_due_tries_badge_id')),
        sa.PrimaryKeyConstraint('badge_id', 'token_issued_at', name=op.f('pk_due_tries')),
    )
    op.create_table(
        'badge_checks',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('badge_id', sa.Uuid(), nullable=True),
        sa.Column('state', sa.String(length=24), nullable=False),
        sa.Column('due', sa.Boolean(), nullable=True),
        sa.Column('checked_at', UtcDateTime(), nullable=False),
        sa.Column('checked_by_id', sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_badge_checks_badge_id')),
        sa.ForeignKeyConstraint(['checked_by_id'], ['users.id'], name=op.f('fk_badge_checks_checked_by_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_badge_checks')),
    )
    op.create_index(op.f('ix_badge_checks_badge_id'), 'badge_checks', ['badge_id'], unique=False)


def downgrade() -> None:
    op.drop_table('badge_checks')
    op.drop_table('due_tries')
    op.drop_table('live_codes')
