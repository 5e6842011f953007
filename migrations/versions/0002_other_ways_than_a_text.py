"""Other ways than a text, what became of each message, replies, and senders that pause

Stop the dispatchers and servers of the version before first: `messages.to_number` is now `to_address`.
"""

from collections.abc import Sequence

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0002'
down_revision = '0001'

CHANNELS = ('text', 'call', 'email')
MESSAGE_KINDS = ('booked', 'moved', 'cancelled', 'delayed')
MESSAGE_STATUSES = (
    'held', 'claimed', 'unknown', 'accepted', 'delivered', 'undelivered', 'failed', 'superseded', 'expired', 'blocked',
)
EVENTS_BEFORE = ('booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished')
EVENTS = (*EVENTS_BEFORE, 'confirmed')
REASONS_BEFORE = (
    'no_mobile_number', 'prefers_call', 'time_had_passed', 'text_refused', 'text_stopped', 'text_undelivered',
    'text_expired', 'too_many_delays', 'replan',
)
REASONS = (*REASONS_BEFORE, 'no_receipt', 'email_failed', 'replied')
TASKS_BEFORE = ('open', 'done', 'not_needed')
TASKS = ('open', 'done', 'not_reached', 'not_needed')
REQUESTED_BY = ('council', 'resident')
TOLD_BY = ('text', 'call', 'email', 'person')

Words = dict[str, tuple[str, Sequence[str]]]


def words_of(*, events: Sequence[str], reasons: Sequence[str], tasks: Sequence[str]) -> dict[str, Words]:
    """The words that columns may hold, by table and the constraint's name."""
    return {
        'visit_events': {'eventkind': ('kind', events)},
        'promises': {'eventkind': ('closed_by', events)},
        'notices': {'eventkind': ('change', events), 'requestedby': ('requested_by', REQUESTED_BY)},
        'contact_tasks': {'contactreason': ('reason', reasons), 'contacttaskstatus': ('status', tasks)},
        'messages': {'messagekind': ('kind', MESSAGE_KINDS), 'messagestatus': ('status', MESSAGE_STATUSES)},
    }


BEFORE = words_of(events=EVENTS_BEFORE, reasons=REASONS_BEFORE, tasks=TASKS_BEFORE)
AFTER = words_of(events=EVENTS, reasons=REASONS, tasks=TASKS)
NEW = {'notices': {'toldby': ('told_by', TOLD_BY)}, 'messages': {'channel': ('channel', CHANNELS)}}


def drop_checks(batch_op, words: Words) -> None:
    for name in words:
        batch_op.drop_constraint(batch_op.f(f'ck_{batch_op.impl.table_name}_{name}'), type_='check')


def add_checks(batch_op, words: Words) -> None:
    for name, (column, values) in words.items():
        listed = ', '.join(f"'{value}'" for value in values)
        batch_op.create_check_constraint(
            batch_op.f(f'ck_{batch_op.impl.table_name}_{name}'), f'{column} IN ({listed})'
        )


def upgrade() -> None:
    op.create_table('numbers',
    sa.Column('number', sa.String(length=16), nullable=False),
    sa.Column('stopped_at', UtcDateTime(), nullable=True),
    sa.Column('unusable_at', UtcDateTime(), nullable=True),
    sa.Column('unusable_code', sa.String(length=40), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_numbers'))
    )
    op.create_table('sender_states',
    sa.Column('channel', sa.Enum('text', 'call', 'email', name='channel', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('paused_by', sa.Enum('operator', 'account', 'busy', name='pausedby', native_enum=False, create_constraint=True, length=24), nullable=True),
    sa.Column('paused_at', UtcDateTime(), nullable=True),
    sa.Column('resume_at', UtcDateTime(), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('free_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('channel', name=op.f('pk_sender_states'))
    )
    op.create_table('tallies',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('channel', sa.String(length=8), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('word', sa.String(length=40), nullable=False),
    sa.Column('shard', sa.Integer(), nullable=False),
    sa.Column('value', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('name', 'channel', 'kind', 'word', 'shard', name=op.f('pk_tallies'))
    )
    op.create_table('message_events',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('message_id', sa.Uuid(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('kind', sa.Enum('accepted', 'postponed', 'unclear', 'looked_up', 'refused', 'blocked', 'expired', 'receipt', 'replied', 'next_way', 'resent', name='messageeventkind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_message_events_message_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message_events'))
    )
    op.create_index('ix_message_events_message', 'message_events', ['message_id', 'at', 'id'], unique=False)
    op.create_table('replies',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('carrier_id', sa.String(length=64), nullable=False),
    sa.Column('from_number', sa.String(length=32), nullable=False),
    sa.Column('resident_id', sa.Uuid(), nullable=True),
    sa.Column('visit_id', sa.Uuid(), nullable=True),
    sa.Column('message_id', sa.Uuid(), nullable=True),
    sa.Column('kind', sa.Enum('stop', 'start', 'yes', 'change', 'help', 'words', name='replykind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('body', sa.String(length=1600), nullable=False),
    sa.Column('answer', sa.String(length=480), nullable=True),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_replies_message_id')),
    sa.ForeignKeyConstraint(['resident_id'], ['residents.id'], name=op.f('fk_replies_resident_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_replies_visit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_replies')),
    sa.UniqueConstraint('carrier_id', name=op.f('uq_replies_carrier_id'))
    )
    op.create_index('ix_replies_message', 'replies', ['message_id', 'received_at', 'id'], unique=False)
    op.create_index(op.f('ix_replies_resident_id'), 'replies', ['resident_id'], unique=False)

    # In place on SQLite too: made anew, `visits` would lose its triggers.
    op.add_column('visits', sa.Column('confirmed_at', UtcDateTime(), nullable=True))

    for table in ('visit_events', 'promises'):
        with op.batch_alter_table(table) as batch_op:
            drop_checks(batch_op, BEFORE[table])
            add_checks(batch_op, AFTER[table])

    with op.batch_alter_table('contact_tasks') as batch_op:
        drop_checks(batch_op, BEFORE['contact_tasks'])
        batch_op.add_column(sa.Column('words', sa.String(length=3300), nullable=True))
        batch_op.alter_column('visit_id', existing_type=sa.Uuid(), nullable=True)
        add_checks(batch_op, AFTER['contact_tasks'])

    with op.batch_alter_table('notices') as batch_op:
        drop_checks(batch_op, BEFORE['notices'])
        batch_op.add_column(sa.Column('handed_over_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('told_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('told_by', sa.String(length=24), nullable=True))
        batch_op.create_index('ix_notices_contact_task_id', ['contact_task_id'], unique=False)
        add_checks(batch_op, AFTER['notices'] | NEW['notices'])
    for statement in _LEDGER_SO_FAR:
        op.execute(statement)

    op.drop_index('ix_messages_waiting', 'messages')
    for column in (
        sa.Column('news_id', sa.Uuid(), nullable=True),
        sa.Column('channel', sa.String(length=24), nullable=True),
        sa.Column('to_address', sa.String(length=254), nullable=True),
        sa.Column('next_way_at', UtcDateTime(), nullable=True),
        sa.Column('superseded_at', UtcDateTime(), nullable=True),
    ):
        op.add_column('messages', column)
    op.execute("UPDATE messages SET news_id = id, channel = 'text', to_address = to_number")
    with op.batch_alter_table('messages') as batch_op:
        drop_checks(batch_op, BEFORE['messages'])
        batch_op.alter_column('news_id', existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column('channel', existing_type=sa.String(length=24), nullable=False)
        batch_op.alter_column('to_address', existing_type=sa.String(length=254), nullable=False)
        batch_op.drop_column('to_number')
        batch_op.create_foreign_key(batch_op.f('fk_messages_news_id'), 'messages', ['news_id'], ['id'])
        add_checks(batch_op, AFTER['messages'] | NEW['messages'])
    op.create_index('ix_messages_waiting', 'messages', ['status', 'channel', 'lane', 'reference_at', 'number'], unique=False, postgresql_where=sa.text("status IN ('held', 'claimed', 'unknown')"))
    for name in ('look_up_at', 'next_way_at'):
        is_set = sa.text(f'{name} IS NOT NULL')
        op.create_index(f'ix_messages_{name}', 'messages', [name], unique=False, postgresql_where=is_set, sqlite_where=is_set)


# What the ledger would say of the changes made until now.
_LEDGER_SO_FAR = (
    "UPDATE notices SET handed_over_at = (SELECT accepted_at FROM messages WHERE messages.id = notices.message_id"
    " AND messages.status IN ('accepted', 'delivered')), told_at = (SELECT delivered_at FROM messages"
    " WHERE messages.id = notices.message_id)",
    "UPDATE notices SET told_by = 'text' WHERE told_at IS NOT NULL",
    "UPDATE notices SET told_by = 'person', told_at = (SELECT min(done_at) FROM contact_tasks"
    " WHERE contact_tasks.status = 'done' AND (contact_tasks.id = notices.contact_task_id"
    " OR contact_tasks.message_id = notices.message_id)) WHERE told_at IS NULL AND EXISTS (SELECT 1 FROM contact_tasks"
    " WHERE contact_tasks.status = 'done' AND (contact_tasks.id = notices.contact_task_id"
    " OR contact_tasks.message_id = notices.message_id))",
)


def downgrade() -> None:
    # What the version before has no words for cannot be kept.
    op.drop_table('replies')
    op.drop_table('message_events')
    op.drop_table('tallies')
    op.drop_table('sender_states')
    op.drop_table('numbers')
    op.execute("UPDATE contact_tasks SET message_id = NULL WHERE message_id IN (SELECT id FROM messages WHERE channel = 'email')")
    op.execute("UPDATE messages SET superseded_by_id = NULL WHERE superseded_by_id IN (SELECT id FROM messages WHERE channel = 'email')")
    op.execute("UPDATE notices SET message_id = NULL WHERE message_id IN (SELECT id FROM messages WHERE channel = 'email')")
    op.execute("DELETE FROM messages WHERE channel = 'email' OR news_id IN (SELECT id FROM messages WHERE channel = 'email')")
    op.execute("DELETE FROM contact_tasks WHERE visit_id IS NULL")
    op.execute("UPDATE contact_tasks SET status = 'not_needed' WHERE status = 'not_reached'")
    op.execute("UPDATE contact_tasks SET reason = 'text_undelivered' WHERE reason IN ('no_receipt', 'email_failed')")
    op.execute("UPDATE contact_tasks SET reason = 'replan' WHERE reason = 'replied'")
    op.execute("DELETE FROM visit_events WHERE kind = 'confirmed'")

    for name in ('next_way_at', 'look_up_at', 'waiting'):
        op.drop_index(f'ix_messages_{name}', 'messages')
    op.add_column('messages', sa.Column('to_number', sa.String(length=16), nullable=True))
    op.execute("UPDATE messages SET to_number = to_address")
    with op.batch_alter_table('messages') as batch_op:
        drop_checks(batch_op, AFTER['messages'] | NEW['messages'])
        batch_op.drop_constraint(batch_op.f('fk_messages_news_id'), type_='foreignkey')
        for column in ('superseded_at', 'next_way_at', 'to_address', 'channel', 'news_id'):
            batch_op.drop_column(column)
        batch_op.alter_column('to_number', existing_type=sa.String(length=16), nullable=False)
        add_checks(batch_op, BEFORE['messages'])
    op.create_index('ix_messages_waiting', 'messages', ['status', 'lane', 'reference_at', 'number'], unique=False, postgresql_where=sa.text("status IN ('held', 'claimed', 'unknown')"))

    with op.batch_alter_table('notices') as batch_op:
        drop_checks(batch_op, AFTER['notices'] | NEW['notices'])
        batch_op.drop_index('ix_notices_contact_task_id')
        for column in ('told_by', 'told_at', 'handed_over_at'):
            batch_op.drop_column(column)
        add_checks(batch_op, BEFORE['notices'])

    with op.batch_alter_table('contact_tasks') as batch_op:
        drop_checks(batch_op, AFTER['contact_tasks'])
        batch_op.alter_column('visit_id', existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column('words')
        add_checks(batch_op, BEFORE['contact_tasks'])

    for table in ('visit_events', 'promises'):
        with op.batch_alter_table(table) as batch_op:
            drop_checks(batch_op, AFTER[table])
            add_checks(batch_op, BEFORE[table])

    op.execute('ALTER TABLE visits DROP COLUMN confirmed_at')
