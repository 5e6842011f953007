"""What is told and said of a visit at its door and after it"""

from alembic import op

revision = '0022'
down_revision = '0019'

EVENTS_BEFORE = (
    'booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed', 'words_seen',
    'letter_made', 'assigned',
)
EVENTS_AFTER = (*EVENTS_BEFORE, 'badge_shown')


def allow(table, name, kinds) -> None:
    listed = ', '.join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(batch.f(f'ck_{table}_{name}'), type_='check')
        batch.create_check_constraint(batch.f(f'ck_{table}_{name}'), f'kind IN ({listed})')


def upgrade() -> None:
    allow('visit_events', 'eventkind', EVENTS_AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM visit_events WHERE kind = 'badge_shown'")
    allow('visit_events', 'eventkind', EVENTS_BEFORE)
