"""Holds: slots that are kept for some minutes"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0015'
down_revision = '0014'


def upgrade() -> None:
    op.create_table('holds',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('officer_id', sa.Uuid(), nullable=False),
    sa.Column('resident_id', sa.Uuid(), nullable=True),
    sa.Column('starts_at', UtcDateTime(), nullable=False),
    sa.Column('ends_at', UtcDateTime(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('made_by_id', sa.Uuid(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['made_by_id'], ['users.id'], name=op.f('fk_holds_made_by_id')),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_holds_officer_id')),
    sa.ForeignKeyConstraint(['resident_id'], ['residents.id'], name=op.f('fk_holds_resident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_holds'))
    )
    op.create_index('ix_holds_officer', 'holds', ['officer_id', 'expires_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_holds_officer', 'holds')
    op.drop_table('holds')
