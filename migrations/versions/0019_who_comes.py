"""Visits that are given to another officer at their time, and whom their residents were shown"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0019'
down_revision = '0018'

BEFORE = (
    'booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed', 'words_seen',
    'letter_made',
)
AFTER = (*BEFORE, 'assigned')


MESSAGES_BEFORE = ('booked', 'moved', 'cancelled', 'delayed')
MESSAGES_AFTER = (*MESSAGES_BEFORE, 'another_officer')


def allow(table, name, kinds) -> None:
    listed = ', '.join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(batch.f(f'ck_{table}_{name}'), type_='check')
        batch.create_check_constraint(batch.f(f'ck_{table}_{name}'), f'kind IN ({listed})')


def upgrade() -> None:
    op.create_table('officer_showings',
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('officer_id', sa.Uuid(), nullable=False),
    sa.Column('first_shown_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_officer_showings_officer_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_officer_showings_visit_id')),
    sa.PrimaryKeyConstraint('visit_id', 'officer_id', name=op.f('pk_officer_showings'))
    )
    allow('visit_events', 'eventkind', AFTER)
    allow('messages', 'messagekind', MESSAGES_AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM visit_events WHERE kind = 'assigned'")
    allow('visit_events', 'eventkind', BEFORE)
    # The version before has no words for these. One that has gone keeps its place in the story as the plainest kind.
    op.execute("UPDATE messages SET status = 'superseded' WHERE kind = 'another_officer' AND status = 'held'")
    op.execute("UPDATE messages SET kind = 'booked' WHERE kind = 'another_officer'")
    allow('messages', 'messagekind', MESSAGES_BEFORE)
    op.drop_table('officer_showings')
