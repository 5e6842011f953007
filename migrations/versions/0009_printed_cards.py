"""Printed cards, which two people make"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    op.create_table('cards',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('officer_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('requested', 'approved', 'refused', name='cardstatus', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('display_name', sa.String(length=80), nullable=False),
    sa.Column('job_title', sa.String(length=80), nullable=False),
    sa.Column('employment', sa.Enum('employee', 'contractor', name='employment', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('company', sa.String(length=80), nullable=True),
    sa.Column('photo_id', sa.Uuid(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('requested_at', UtcDateTime(), nullable=False),
    sa.Column('requested_by_id', sa.Uuid(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decided_by_id', sa.Uuid(), nullable=True),
    sa.Column('refused_reason', sa.String(length=500), nullable=True),
    sa.Column('badge_id', sa.Uuid(), nullable=True),
    sa.Column('kid', sa.String(length=16), nullable=True),
    sa.CheckConstraint("status <> 'approved' OR (badge_id IS NOT NULL AND kid IS NOT NULL AND requested_by_id <> decided_by_id)", name=op.f('ck_cards_two_people_make_a_card')),
    sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_cards_badge_id')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['users.id'], name=op.f('fk_cards_decided_by_id')),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_cards_officer_id')),
    sa.ForeignKeyConstraint(['photo_id'], ['officer_photos.id'], name=op.f('fk_cards_photo_id')),
    sa.ForeignKeyConstraint(['requested_by_id'], ['users.id'], name=op.f('fk_cards_requested_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cards')),
    sa.UniqueConstraint('badge_id', name=op.f('uq_cards_badge_id'))
    )
    op.create_index('ix_cards_officer', 'cards', ['officer_id', 'requested_at', 'id'], unique=False)
    op.create_index('ix_cards_status', 'cards', ['status', 'requested_at', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_cards_status', 'cards')
    op.drop_index('ix_cards_officer', 'cards')
    op.drop_table('cards')
