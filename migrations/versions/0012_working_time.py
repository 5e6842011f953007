"""Weekly hours, dated exceptions and absences"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0012'
down_revision = '0011'


def upgrade() -> None:
    op.add_column('officers', sa.Column('working_pattern', sa.JSON(none_as_null=True), nullable=True))
    op.create_table('working_exceptions',
    sa.Column('officer_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('windows', sa.JSON(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('entered_at', UtcDateTime(), nullable=False),
    sa.Column('entered_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['entered_by_id'], ['users.id'], name=op.f('fk_working_exceptions_entered_by_id')),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_working_exceptions_officer_id')),
    sa.PrimaryKeyConstraint('officer_id', 'day', name=op.f('pk_working_exceptions'))
    )
    op.create_table('absences',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('officer_id', sa.Uuid(), nullable=False),
    sa.Column('starts_at', UtcDateTime(), nullable=False),
    sa.Column('ends_at', UtcDateTime(), nullable=False),
    sa.Column('kind', sa.Enum('leave', 'sickness', 'training', 'other', name='absencekind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('entered_at', UtcDateTime(), nullable=False),
    sa.Column('entered_by_id', sa.Uuid(), nullable=True),
    sa.Column('removed_at', UtcDateTime(), nullable=True),
    sa.Column('removed_by_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('ends_at > starts_at', name=op.f('ck_absences_ends_after_it_starts')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['users.id'], name=op.f('fk_absences_entered_by_id')),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_absences_officer_id')),
    sa.ForeignKeyConstraint(['removed_by_id'], ['users.id'], name=op.f('fk_absences_removed_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_absences'))
    )
    op.create_index('ix_absences_officer', 'absences', ['officer_id', 'starts_at', 'id'], unique=False)
    op.create_index('ix_absences_that_count', 'absences', ['officer_id', 'ends_at'], unique=False, sqlite_where=sa.text('removed_at IS NULL'), postgresql_where=sa.text('removed_at IS NULL'))


def downgrade() -> None:
    op.drop_index('ix_absences_that_count', 'absences')
    op.drop_index('ix_absences_officer', 'absences')
    op.drop_table('absences')
    op.drop_table('working_exceptions')
    with op.batch_alter_table('officers') as batch:
        batch.drop_column('working_pattern')
