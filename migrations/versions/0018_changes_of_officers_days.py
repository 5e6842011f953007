"""Changes of officers' days, noted by triggers for what processes keep of them"""

from collections.abc import Iterator

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    op.create_table('diary_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('officer_id', sa.Uuid(), nullable=True),
    sa.Column('begins_at', UtcDateTime(), nullable=True),
    sa.Column('ends_at', UtcDateTime(), nullable=True),
    sa.Column('transaction_id', sa.BigInteger(), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_diary_changes')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_diary_changes_transaction_id', 'diary_changes', ['transaction_id'], unique=False)
    for statement in postgresql() if op.get_bind().dialect.name == "postgresql" else sqlite():
        op.execute(statement)


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, table, *_ in _triggers():
        op.execute(f"DROP TRIGGER {name} ON {table}" if is_postgresql else f"DROP TRIGGER {name}")
        if is_postgresql:
            op.execute(f"DROP FUNCTION {name}")
    op.drop_index('ix_diary_changes_transaction_id', 'diary_changes')
    op.drop_table('diary_changes')


OF_VISITS = ("officer_id", "second_officer_id")
ALL_OF_IT = "NULL, NULL"
ITS_TIME = "{row}.starts_at, {row}.ends_at"

# The table; at which moments, and for an update the columns that matter; whose days change; and which part of them.
WHAT = (
    (
        "visits",
        {"INSERT": "", "UPDATE": f"{', '.join(OF_VISITS)}, starts_at, ends_at, status, resident_id", "DELETE": ""},
        OF_VISITS,
        ITS_TIME,
    ),
    ("holds", {"INSERT": "", "UPDATE": "officer_id, starts_at, ends_at, ended_at, expires_at, resident_id", "DELETE": ""}, ("officer_id",), ITS_TIME),
    ("absences", {"INSERT": "", "UPDATE": "officer_id, starts_at, ends_at, kind, removed_at", "DELETE": ""}, ("officer_id",), ALL_OF_IT),
    ("working_exceptions", {"INSERT": "", "UPDATE": "officer_id, day, windows", "DELETE": ""}, ("officer_id",), ALL_OF_IT),
    (
        "officers",
        {"INSERT": "", "UPDATE": "skills, areas, active, suspended_at, contract_ends_on, working_pattern", "DELETE": ""},
        ("id",),
        ALL_OF_IT,
    ),
    # Whose visits these are is not known for certain here: another transaction may just book one. So all days change.
    ("residents", {"UPDATE": "latitude, longitude"}, ("NULL",), ALL_OF_IT),
)

# Most of what happens to a visit leaves the day as it is planned.
UNLESS_PLANNED_AS_BEFORE = {
    "visits": (*OF_VISITS, "starts_at", "ends_at", "resident_id", "status = 'cancelled'"),
    "residents": ("latitude", "longitude"),
}


def _triggers() -> Iterator[tuple[str, str, str, str, tuple[str, ...], str]]:
    """Each trigger: its name, table, moment and columns, with whose days change and which part."""
    for table, what, whose, part in WHAT:
        for moment, columns in what.items():
            yield f"{table}_diary_change_{moment.lower()}", table, moment, columns, whose, part


def _has_changed(table: str, is_not: str) -> str:
    parts = UNLESS_PLANNED_AS_BEFORE.get(table, ())
    return " OR ".join(f"(OLD.{each}) {is_not} (NEW.{each})" for each in parts)


def _changes(whose: tuple[str, ...], part: str, moment: str) -> str:
    """The changes as a SELECT: of an update, what it was as well as what it becomes."""
    rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[moment]
    selects = []
    for row in rows:
        for column in whose:
            officer = column if column == "NULL" else f"{row}.{column}"
            is_somebody = "" if column == "NULL" else f" WHERE {officer} IS NOT NULL"
            selects.append(f"SELECT {officer} AS officer_id, {part.format(row=row)}{is_somebody}")
    return " UNION ".join(selects)


SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


def sqlite() -> Iterator[str]:
    for name, table, moment, columns, whose, part in _triggers():
        changed = _has_changed(table, "IS NOT") if moment == "UPDATE" else ""
        yield f"""
            CREATE TRIGGER {name} AFTER {moment} {f"OF {columns}" if columns else ""} ON {table}
            {f"WHEN {changed}" if changed else ""}
            BEGIN
                INSERT INTO diary_changes (officer_id, begins_at, ends_at, transaction_id, made_at)
                SELECT *, 0, {SQLITE_NOW} FROM ({_changes(whose, part, moment)});
            END
        """


def postgresql() -> Iterator[str]:
    for name, table, moment, columns, whose, part in _triggers():
        changed = _has_changed(table, "IS DISTINCT FROM") if moment == "UPDATE" else ""
        yield f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO diary_changes (officer_id, begins_at, ends_at, transaction_id, made_at)
                SELECT officer::uuid, begins::timestamptz, ends::timestamptz, pg_current_xact_id()::text::bigint, now()
                FROM ({_changes(whose, part, moment)}) AS change (officer, begins, ends);
                RETURN NULL;
            END $$
        """
        yield f"""
            CREATE TRIGGER {name} AFTER {moment} {f"OF {columns}" if columns else ""} ON {table}
            FOR EACH ROW {f"WHEN ({changed})" if changed else ""} EXECUTE FUNCTION {name}()
        """
