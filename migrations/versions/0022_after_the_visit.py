"""What is told and said of a visit at its door and after it"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0022'
down_revision = '0019'

EVENTS_BEFORE = (
    'booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed', 'words_seen',
    'letter_made', 'assigned',
)
EVENTS_AFTER = (*EVENTS_BEFORE, 'badge_shown')

MESSAGES_BEFORE = ('booked', 'moved', 'cancelled', 'delayed', 'another_officer')
MESSAGES_AFTER = (*MESSAGES_BEFORE, 'no_access')


def allow(table, name, kinds) -> None:
    listed = ', '.join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(batch.f(f'ck_{table}_{name}'), type_='check')
        batch.create_check_constraint(batch.f(f'ck_{table}_{name}'), f'kind IN ({listed})')


def upgrade() -> None:
    op.create_table('no_access_photos',
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('jpeg', sa.LargeBinary(), nullable=False),
    sa.Column('uploaded_at', UtcDateTime(), nullable=False),
    sa.Column('uploaded_by_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['uploaded_by_id'], ['users.id'], name=op.f('fk_no_access_photos_uploaded_by_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_no_access_photos_visit_id')),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_no_access_photos'))
    )
    allow('visit_events', 'eventkind', EVENTS_AFTER)
    allow('messages', 'messagekind', MESSAGES_AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM visit_events WHERE kind = 'badge_shown'")
    allow('visit_events', 'eventkind', EVENTS_BEFORE)
    # The version before has no words for these. One that has gone keeps its place in the story as the plainest kind.
    op.execute("UPDATE messages SET status = 'superseded' WHERE kind = 'no_access' AND status = 'held'")
    op.execute("UPDATE messages SET kind = 'booked' WHERE kind = 'no_access'")
    allow('messages', 'messagekind', MESSAGES_BEFORE)
    op.drop_table('no_access_photos')
