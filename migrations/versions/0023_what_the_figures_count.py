"""What the figures are parted by, corrections, and which days' figures have changed"""

from collections.abc import Iterator

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0023'
down_revision = '0022'

EVENTS_BEFORE = (
    'booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed', 'words_seen',
    'letter_made', 'assigned', 'missed', 'badge_shown', 'disputed', 'dispute_settled',
)
EVENTS_AFTER = (*EVENTS_BEFORE, 'corrected')
STATUSES = ('booked', 'en_route', 'arrived', 'completed', 'no_access', 'cancelled', 'missed')


def listed(words) -> str:
    return ', '.join(f"'{word}'" for word in words)


def allow(kinds) -> None:
    with op.batch_alter_table('visit_events') as batch:
        batch.drop_constraint(batch.f('ck_visit_events_eventkind'), type_='check')
        batch.create_check_constraint(batch.f('ck_visit_events_eventkind'), f'kind IN ({listed(kinds)})')


def upgrade() -> None:
    op.add_column('officers', sa.Column('team', sa.String(length=60), nullable=True))
    op.add_column('residents', sa.Column('ward', sa.String(length=60), nullable=True))
    op.add_column('visits', sa.Column('visit_type', sa.String(length=60), nullable=True))
    op.add_column('visits', sa.Column('reported_arrived_at', UtcDateTime(), nullable=True))
    # Word by word: made anew in SQLite's usual way, the table would lose its triggers.
    op.execute(
        'ALTER TABLE visits ADD COLUMN reported_status VARCHAR(24)'
        f' CONSTRAINT ck_visits_reported_status CHECK (reported_status IN ({listed(STATUSES)}))'
    )
    op.create_index('ix_visits_first_promised_at', 'visits', ['first_promised_at', 'id'], unique=False)
    op.create_table('visit_facts',
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('team', sa.String(length=60), nullable=True),
    sa.Column('employment', sa.Enum('employee', 'contractor', name='employment', native_enum=False, create_constraint=True, length=24), nullable=True),
    sa.Column('ward', sa.String(length=60), nullable=True),
    sa.Column('language', sa.String(length=35), nullable=False),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_visit_facts_visit_id')),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_visit_facts'))
    )
    op.create_table('figure_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('figure_of', sa.Enum('visit', 'change', name='figureof', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('counted_at', UtcDateTime(), nullable=False),
    sa.Column('transaction_id', sa.BigInteger(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_figure_changes')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_figure_changes_transaction_id', 'figure_changes', ['transaction_id'], unique=False)
    allow(EVENTS_AFTER)
    op.execute(FACTS.format(condition=""))
    is_postgresql = op.get_bind().dialect.name == 'postgresql'
    for trigger in TRIGGERS:
        for statement in postgresql(*trigger) if is_postgresql else sqlite(*trigger):
            op.execute(statement)


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == 'postgresql'
    for name, table, *_ in TRIGGERS:
        op.execute(f'DROP TRIGGER {name} ON {table}' if is_postgresql else f'DROP TRIGGER {name}')
        if is_postgresql:
            op.execute(f'DROP FUNCTION {name}')
    op.execute("DELETE FROM visit_events WHERE kind = 'corrected'")
    allow(EVENTS_BEFORE)
    op.drop_index('ix_figure_changes_transaction_id', 'figure_changes')
    op.drop_table('figure_changes')
    op.drop_table('visit_facts')
    op.drop_index('ix_visits_first_promised_at', 'visits')
    for table, column in (('visits', 'reported_status'), ('visits', 'reported_arrived_at'), ('visits', 'visit_type'), ('residents', 'ward'), ('officers', 'team')):
        op.drop_column(table, column)


FACTS = """
    INSERT INTO visit_facts (visit_id, team, employment, ward, language)
    SELECT visits.id, officers.team, officers.employment, residents.ward, residents.language
    FROM visits JOIN residents ON residents.id = visits.resident_id
    LEFT JOIN officers ON officers.id = visits.officer_id
    WHERE true {condition}
"""
FACTS_ANEW = (
    FACTS.format(condition='AND visits.id = NEW.id')
    + "ON CONFLICT (visit_id) DO UPDATE SET team = excluded.team, employment = excluded.employment,"
    " ward = excluded.ward, language = excluded.language"
)
NOTE = "INSERT INTO figure_changes (figure_of, counted_at, transaction_id, made_at) SELECT {what}, {{transaction}}, {{now}}"
VISIT = NOTE.format(what="'visit', {row}.first_promised_at")
CHANGE = NOTE.format(what="'change', {row}.decided_at")
CHANGES_OF_VISIT = NOTE.format(what="'change', decided_at") + " FROM notices WHERE visit_id = NEW.id"
CHANGES_OF_MESSAGE = NOTE.format(what="'change', decided_at") + " FROM notices WHERE message_id = NEW.id"
OF_THE_VISIT = NOTE.format(what="'visit', first_promised_at") + " FROM visits WHERE id = NEW.visit_id"

# Setting out is no news for the figures, and most of what is written of a visit or a message is none either.
OF_VISIT = ('officer_id', 'starts_at', 'first_promised_at', 'arrived_at', 'arrival_promised_at', 'reported_arrived_at', 'reported_status', 'visit_type')
NEW_STAGE = "CASE WHEN {row}.status = 'en_route' THEN 'booked' ELSE {row}.status END"
VISIT_COUNTS_ANEW = ' OR '.join(
    [f'OLD.{column} IS DISTINCT FROM NEW.{column}' for column in OF_VISIT]
    + [f"{NEW_STAGE.format(row='OLD')} <> {NEW_STAGE.format(row='NEW')}"]
)
SOMEBODY_ELSE_CAME = (
    'OLD.officer_id IS DISTINCT FROM NEW.officer_id'
    ' OR (OLD.arrived_at IS NULL AND NEW.arrived_at IS NOT NULL AND NEW.reported_status IS NULL)'
)
LATE_TEXT_CAME = "NEW.kind = 'delayed' AND (" + ' OR '.join(
    f'OLD.{column} IS DISTINCT FROM NEW.{column}' for column in ('status', 'accepted_at', 'delivered_at')
) + ')'
STOPPED = "(OLD.status = 'superseded') <> (NEW.status = 'superseded')"

# Each: its name, table and moment, when it matters, and what is done.
TRIGGERS = (
    ('visit_facts_of_new', 'visits', 'INSERT', '', (FACTS_ANEW, VISIT.replace('{row}', 'NEW'))),
    ('visit_facts_of_changed', 'visits', 'UPDATE OF officer_id, arrived_at', SOMEBODY_ELSE_CAME, (FACTS_ANEW, CHANGES_OF_VISIT)),
    ('visits_figure_change', 'visits', f"UPDATE OF status, {', '.join(OF_VISIT)}", VISIT_COUNTS_ANEW, (VISIT.replace('{row}', 'OLD'), VISIT.replace('{row}', 'NEW') + ' WHERE NEW.first_promised_at <> OLD.first_promised_at')),
    ('visits_figure_change_gone', 'visits', 'DELETE', '', (VISIT.replace('{row}', 'OLD'),)),
    ('notices_figure_change_new', 'notices', 'INSERT', '', (CHANGE.replace('{row}', 'NEW'),)),
    ('notices_figure_change', 'notices', 'UPDATE', '', (CHANGE.replace('{row}', 'NEW'),)),
    ('notices_figure_change_gone', 'notices', 'DELETE', '', (CHANGE.replace('{row}', 'OLD'),)),
    ('messages_figure_change_stopped', 'messages', 'UPDATE OF status', STOPPED, (CHANGES_OF_MESSAGE,)),
    ('messages_figure_change_late', 'messages', 'UPDATE OF status, accepted_at, delivered_at', LATE_TEXT_CAME, (OF_THE_VISIT,)),
    ('disputes_figure_change_new', 'disputes', 'INSERT', '', (OF_THE_VISIT,)),
    ('disputes_figure_change', 'disputes', 'UPDATE OF status', 'OLD.status <> NEW.status', (OF_THE_VISIT,)),
    ('contact_tasks_figure_change', 'contact_tasks', 'UPDATE OF status, done_at', 'NEW.visit_id IS NOT NULL', (OF_THE_VISIT,)),
)


def sqlite(name, table, moment, matters, done) -> Iterator[str]:
    written = {'transaction': '0', 'now': "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
    body = '; '.join(statement.format(**written) for statement in done)
    # IS DISTINCT FROM is in SQLite from 3.39 on; IS NOT has always said the same.
    when = f"WHEN {matters.replace('IS DISTINCT FROM', 'IS NOT')}" if matters else ''
    yield f'CREATE TRIGGER {name} AFTER {moment} ON {table} {when} BEGIN {body}; END'


def postgresql(name, table, moment, matters, done) -> Iterator[str]:
    written = {'transaction': 'pg_current_xact_id()::text::bigint', 'now': 'now()'}
    body = '; '.join(statement.format(**written) for statement in done)
    yield f'CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$'
    when = f'WHEN ({matters})' if matters else ''
    yield f'CREATE TRIGGER {name} AFTER {moment} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()'
