"""Scan records: each check of a badge, in one chain that shows whether a record was changed, removed or moved.

"Scan records: time, badge, kind, state, daily-salted HMAC of the address, 90 days, hash-chained so that a change
shows." The chain is sealed with a key that is not in the database: whoever can write there cannot make it whole
again. A record names its badge and officer without a foreign key: it tells what was seen, whatever became of them.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Index, LargeBinary, String, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.chain import START, seal
from models.database import Base, by_value, insert_missing
from models.prepared import Prepared, Source, connection_of

KEPT_FOR = timedelta(days=90)
_SALT_BYTES, _ADDRESS_BYTES = 32, 16


class ScanKind(StrEnum):
    """How a badge was checked. `card` is a printed card's code, as a page or as JSON."""

    PAGE = "page"
    JSON = "json"
    TYPED_CODE = "typed_code"
    TELEPHONE = "telephone"
    CARD = "card"


class Seen(NamedTuple):
    """One check, as the request saw it. `address` is the caller's own, and is never written down."""

    at: datetime
    kind: ScanKind
    state: str
    reason: str
    address: str
    badge_id: UUID | None = None
    officer_id: UUID | None = None
    token_issued_at: datetime | None = None


class Scan(Base):
    """One check. `state` is what the public was told and `reason` why; `token_issued_at` tells one code of a badge
    from its next. `previous` is the `hash` of the record before."""

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_officer", "officer_id", "number"),
        Index("ix_scans_badge", "badge_id", "at"),
        # Guesses are red, so nearly every scan that is written stays out of this index.
        Index(
            "ix_scans_not_confirmed",
            "address",
            "at",
            sqlite_where=text("state = 'not_confirmed'"),
            postgresql_where=text("state = 'not_confirmed'"),
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[ScanKind] = mapped_column(by_value(ScanKind))
    state: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(32))
    badge_id: Mapped[UUID | None]
    officer_id: Mapped[UUID | None]
    token_issued_at: Mapped[datetime | None]
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Record(NamedTuple):
    """A new row of `scans`, by its columns: plain, as hundreds a second are written while people are answered."""

    number: int
    at: datetime
    kind: ScanKind
    state: str
    reason: str
    address: str
    badge_id: UUID | None
    officer_id: UUID | None
    token_issued_at: datetime | None
    previous: str
    hash: str


class ScansEnd(Base):
    """The two ends of the chain: its last record, and the one up to which it was cut when its time was over.

    One row, which all processes lock in turn: that makes the chain one line. Both ends are sealed, so that
    records cannot be taken off either of them.
    """

    __tablename__ = "scans_end"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
    cut_number: Mapped[int]
    cut_hash: Mapped[str] = mapped_column(String(64))
    cut_seal: Mapped[str] = mapped_column(String(64))

    def cut(self, number: int, hash_: str, secret: bytes) -> None:
        """The chain now begins after this record."""
        self.cut_number, self.cut_hash = number, hash_
        self.cut_seal = _seal_of_end("cut", number, hash_, secret)

    def is_sealed(self, secret: bytes) -> bool:
        """Whether both ends are as this code left them."""
        last = _seal_of_end("last", self.number, self.hash, secret)
        cut = _seal_of_end("cut", self.cut_number, self.cut_hash, secret)
        return hmac.compare_digest(last, self.seal) and hmac.compare_digest(cut, self.cut_seal)


class ScanSalt(Base):
    """The day's salt of the addresses. With it goes the last way to find out whose an address was."""

    __tablename__ = "scan_salts"

    day: Mapped[date] = mapped_column(primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


def append(on: Source, seen: Sequence[Seen], *, secret: bytes) -> list[Record]:
    """Write these checks at the end of the chain, in their order."""
    if not seen:
        return []
    end = _END.first(on) or _begin(on, secret)
    salts: dict[date, bytes] = {}
    masks: dict[tuple[date, str], str] = {}
    written: list[Record] = []
    number, hash_ = end.number, end.hash
    for each in seen:
        number += 1
        caller = (day := each.at.date(), each.address)
        if caller not in masks:
            salt = salts.get(day) or salts.setdefault(day, _salt_of(on, day))
            masks[caller] = mask(each.address, salt, secret)
        record = _record(each, number, masks[caller], hash_, secret)
        hash_ = record.hash
        written.append(record)
    _write(on, written)
    _REACH.run(on, number=number, hash=hash_, seal=_seal_of_end("last", number, hash_, secret))
    return written


_END = Prepared(select(ScansEnd.number, ScansEnd.hash).where(ScansEnd.id == 1).with_for_update())
_REACH = Prepared(
    update(ScansEnd).where(ScansEnd.id == 1).values({name: bindparam(name) for name in ("number", "hash", "seal")})
)
_WRITE = Prepared(insert(Scan).values({name: bindparam(name) for name in Record._fields}))
_WRITE_AT_ONCE = Prepared(text("INSERT INTO scans SELECT * FROM json_populate_recordset(NULL::scans, :rows)"))
_SALT = Prepared(select(ScanSalt.salt).where(ScanSalt.day == bindparam("day")))
_NEW_SALT = Prepared(insert(ScanSalt).values(day=bindparam("day"), salt=bindparam("salt")))
_FORGET = Prepared(delete(ScanSalt).where(ScanSalt.day < bindparam("before")))


def _write(on: Source, records: list[Record]) -> None:
    """Write these rows: PostgreSQL reads them from one value, which costs half of sending each."""
    if connection_of(on).dialect.name == "postgresql":
        rows = [record._asdict() for record in records]
        _WRITE_AT_ONCE.run(on, rows=orjson.dumps(rows, option=orjson.OPT_UTC_Z).decode())
    else:
        _WRITE.run_many(on, records)


def mask(address: str, salt: bytes, secret: bytes) -> str:
    """An address as a scan keeps it."""
    return hmac.digest(secret + salt, home_of(address), "sha256")[:_ADDRESS_BYTES].hex()


def home_of(address: str) -> bytes:
    """What an address has in common with every device of its home: all of IPv4, which one home shares; of IPv6 the
    first half, as each device may choose the other anew each time."""
    if ":" not in address:
        return address.encode()
    try:
        known = ipaddress.IPv6Address(address)
    except ValueError:
        return address.encode()
    # A server that listens on IPv6 alone sees IPv4 callers as ::ffff:192.0.2.1.
    return str(known.ipv4_mapped).encode() if known.ipv4_mapped else known.packed[:8]


def forget_salts(on: Source, *, before: date) -> None:
    """Throw the salts of the days before away: from then on nobody can guess an address of those days."""
    _FORGET.run(on, before=before)


def count_old(session: Session, before: datetime) -> int:
    """How many records `cut_old` would remove."""
    kept_from = _first_number_since(session, before)
    old = select(func.count()).select_from(Scan)
    return session.scalar(old if kept_from is None else old.where(Scan.number < kept_from)) or 0


def cut_old(session: Session, before: datetime, *, secret: bytes, at_most: int) -> int:
    """Remove the oldest `at_most` of the records older than `before`; the rest can still be proved.

    Returns how many went. Whoever records a scan waits for them to go, so it should not be all at once.
    """
    if (end := session.get(ScansEnd, 1, with_for_update=True, populate_existing=True)) is None:
        return 0
    kept_from = _first_number_since(session, before)
    last_old = end.number if kept_from is None else kept_from - 1
    old = select(Scan.number, Scan.hash).where(Scan.number <= last_old).order_by(Scan.number).limit(at_most)
    rows = session.execute(old).all()
    if not rows:
        return 0
    end.cut(rows[-1].number, rows[-1].hash, secret)
    session.execute(delete(Scan).where(Scan.number <= rows[-1].number))
    return len(rows)


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of reading the whole chain. `broken` says in words where it first does not hold, if anywhere."""

    records: int
    last_number: int
    last_hash: str
    broken: str | None


def prove(session: Session, *, secret: bytes) -> Proof:
    """Read the chain from its first kept record to its last, in a `snapshot`: it is read a part at a time."""
    end = session.get(ScansEnd, 1)
    if end is None:
        stray = session.scalar(select(func.min(Scan.number)))
        return Proof(0, 0, START, None if stray is None else "The end of the chain was removed.")
    if not end.is_sealed(secret):
        return Proof(0, end.number, end.hash, "The end of the chain was changed.")
    number, previous = end.cut_number, end.cut_hash
    in_order = select(Scan).where(Scan.number <= end.number).order_by(Scan.number)
    with session.scalars(in_order.execution_options(yield_per=1000)) as scans:
        for scan in scans:
            if fault := _fault(scan, number + 1, previous, secret):
                return Proof(number - end.cut_number, end.number, end.hash, fault)
            number, previous = scan.number, scan.hash
    complete = (number, previous) == (end.number, end.hash)
    fault = None if complete else f"Record {number + 1} is missing, with all that followed it."
    return Proof(number - end.cut_number, end.number, end.hash, fault)


def _fault(scan: Scan, number: int, previous: str, secret: bytes) -> str | None:
    if scan.number != number:
        return f"Record {number} is missing."
    if scan.previous != previous:
        return f"Record {number} does not follow the one before it."
    said = [getattr(scan, name) for name in Record._fields[:-1]]
    if not hmac.compare_digest(seal(said, secret), scan.hash):
        return f"Record {number} was changed."
    return None


def _first_number_since(session: Session, since: datetime) -> int | None:
    # Read from the oldest on, as they are to go: an index by time would cost every scan that is written.
    return session.scalar(select(Scan.number).where(Scan.at >= since).order_by(Scan.number).limit(1))


def checks_since(session: Session, since: datetime) -> int:
    """How many checks were recorded from `since` on.

    The records are one row of numbers in the order of their times, so that a score of look-ups finds where to
    begin: to count them would read months of them.
    """
    low, last = (session.scalar(select(which(Scan.number))) for which in (func.min, func.max))
    if low is None or last is None:
        return 0
    high = end = last + 1
    while low < high:
        middle = (low + high) // 2
        at = session.scalars(select(Scan.at).where(Scan.number >= middle).order_by(Scan.number).limit(1)).one()
        low, high = (low, middle) if at >= since else (middle + 1, high)
    return int(end - low)


def _begin(on: Source, secret: bytes) -> Any:
    """The end of a chain that has no record yet."""
    seals = {
        "seal": _seal_of_end("last", 0, START, secret),
        "cut_seal": _seal_of_end("cut", 0, START, secret),
    }
    start = {"id": 1, "number": 0, "hash": START, "cut_number": 0, "cut_hash": START} | seals
    insert_missing(on, ScansEnd, start)
    return _END.first(on)


def _salt_of(on: Source, day: date) -> bytes:
    """The salt of a day, made at its first scan; whoever asks holds the end of the chain, so there is one."""
    known = _SALT.first(on, day=day)
    if known is not None:
        return bytes(known.salt)
    salt = secrets.token_bytes(_SALT_BYTES)
    _NEW_SALT.run(on, day=day, salt=salt)
    forget_salts(on, before=day)
    return salt


def _record(seen: Seen, number: int, address: str, previous: str, secret: bytes) -> Record:
    said = (
        number,
        seen.at,
        seen.kind,
        seen.state,
        seen.reason[:40],
        address,
        seen.badge_id,
        seen.officer_id,
        seen.token_issued_at,
        previous,
    )
    return Record(*said, seal(said, secret))


def _seal_of_end(which: str, number: int, hash_: str, secret: bytes) -> str:
    return seal([which, number, hash_], secret)
