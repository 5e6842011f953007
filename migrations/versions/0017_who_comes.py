"""Visits that are given to another officer at their time"""

from alembic import op

revision = '0017'
down_revision = '0016'

BEFORE = (
    'booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed', 'words_seen',
    'letter_made',
)
AFTER = (*BEFORE, 'assigned')


def allow_events(kinds) -> None:
    listed = ', '.join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table('visit_events') as batch:
        batch.drop_constraint(batch.f('ck_visit_events_eventkind'), type_='check')
        batch.create_check_constraint(batch.f('ck_visit_events_eventkind'), f'kind IN ({listed})')


def upgrade() -> None:
    allow_events(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM visit_events WHERE kind = 'assigned'")
    allow_events(BEFORE)
