"""Two officers at one door

A visit may have a second officer; none of them is in two places at once, whether first or second.
"""

from alembic import op
import sqlalchemy as sa

revision = '0017'
down_revision = '0016'

TWO_ARE_TWO = "second_officer_id IS NULL OR (officer_id IS NOT NULL AND second_officer_id <> officer_id)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column('visits', sa.Column('second_officer_id', sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f('fk_visits_second_officer_id'), 'visits', 'officers', ['second_officer_id'], ['id'])
        op.create_check_constraint(op.f('ck_visits_two_officers_are_two'), 'visits', TWO_ARE_TWO)
        op.execute("ALTER TABLE visits DROP CONSTRAINT visits_no_overlap")
        op.execute(NO_OVERLAP.format(shared=f"{WHEN} WITH &&, {BOTH} WITH &&"))
    else:
        # Not by copying the table, which would lose its triggers.
        op.execute(COLUMN)
        make_triggers(SQLITE_CONDITIONS, "officer_id, second_officer_id, starts_at, ends_at, status")
    is_set = sa.text('second_officer_id IS NOT NULL')
    op.create_index('ix_visits_second_officer', 'visits', ['second_officer_id', 'starts_at', 'id'], unique=False, postgresql_where=is_set, sqlite_where=is_set)


def downgrade() -> None:
    # The version before knows one officer: whoever came with them is no longer known.
    op.drop_index('ix_visits_second_officer', 'visits')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE visits DROP CONSTRAINT visits_no_overlap")
        op.drop_column('visits', 'second_officer_id')
        op.execute(NO_OVERLAP.format(shared=f"{FIRST} WITH &&, {WHEN} WITH &&"))
    else:
        make_triggers(CONDITION.format(column="officer_id", value="NEW.officer_id"), "officer_id, starts_at, ends_at, status")
        op.execute("ALTER TABLE visits DROP COLUMN second_officer_id")


# PostgreSQL compares both officers of one visit with both of another: a set of officers is a range of several pieces,
# which its index looks up by the one piece around them and then compares exactly. Times come first, because that
# piece tells little apart.
WHEN = "tstzrange(starts_at, ends_at)"
FIRST = "uuidrange(officer_id, officer_id, '[]')"
BOTH = "uuidmultirange(uuidrange(officer_id, officer_id, '[]'), uuidrange(coalesce(second_officer_id, officer_id), coalesce(second_officer_id, officer_id), '[]'))"
NO_OVERLAP = """
    ALTER TABLE visits ADD CONSTRAINT visits_no_overlap EXCLUDE USING gist ({shared})
    WHERE (officer_id IS NOT NULL AND status <> 'cancelled')
"""

COLUMN = f"""
    ALTER TABLE visits ADD COLUMN second_officer_id CHAR(32)
    CONSTRAINT ck_visits_two_officers_are_two CHECK ({TWO_ARE_TWO})
    CONSTRAINT fk_visits_second_officer_id REFERENCES officers (id)
"""

# No visit is longer than eight hours, so that the indexes give one day's visits.
CONDITION = """EXISTS (
        SELECT 1 FROM visits
        WHERE {column} = {value} AND status <> 'cancelled' AND id <> NEW.id
        AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
        AND starts_at > datetime(NEW.starts_at, '-8 hours', '-1 seconds')
    )"""


def _either(value: str) -> str:
    return " OR ".join(CONDITION.format(column=column, value=value) for column in ("officer_id", "second_officer_id"))


SQLITE_CONDITIONS = f"""(
        {_either("NEW.officer_id")}
        OR NEW.second_officer_id IS NOT NULL AND ({_either("NEW.second_officer_id")})
    )"""


def make_triggers(condition: str, columns: str) -> None:
    for moment in ("INSERT", f"UPDATE OF {columns}"):
        name = "visits_no_overlap_" + moment.split()[0].lower()
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"""
            CREATE TRIGGER {name} BEFORE {moment} ON visits
            WHEN NEW.officer_id IS NOT NULL AND NEW.status <> 'cancelled' AND {condition}
            BEGIN SELECT RAISE(ABORT, 'visits_no_overlap'); END
        """)
