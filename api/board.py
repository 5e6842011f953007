"""Today's board, `/staff`: what schedulers have to see to now, at a glance on a telephone or a wall.

No resident's name, number or street is on it, for whoever passes a screen on a wall reads it too.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask, Response, abort, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from api import current
from api.auth import anyone
from api.pages import staff_page
from api.paging import cursor_for, read_cursor
from api.staff import PATH, for_schedulers
from models import clock, travel
from models.alert import AlertKind
from models.board import AtRisk, Kind, Likely, Place, at_risk, described, listed, shown
from models.clock import LONDON
from models.contact_task import ContactReason
from models.database import reading
from models.errors import Unprocessable
from models.message import ON_ITS_WAY, MessageStatus
from models.outlooks import outlooks
from models.standards import NOTICE, elapsed

AT_A_GLANCE, ON_A_PAGE = 8, 50
REFRESH_S = 15
WITHOUT_SCRIPT_S = 60
AT_RISK = "at-risk"


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind is told of: `urgent` is what is said of so many of them, and `cells` what a row says of one."""

    title: str
    none: str
    about: str
    urgent: str | None
    columns: tuple[str, ...]
    cells: Callable[[Any, datetime], tuple[str, ...]]


class Panel(NamedTuple):
    """One kind on the board. `more` leads to all of them, where there are more than are shown."""

    name: str
    words: Words
    total: int
    urgent: int
    note: str | None
    rows: list[tuple[str, ...]]
    more: str | None


def register(app: Flask) -> None:
    """Serve the board, the part of it that is looked at again and again, and each of its lists in full."""

    @app.get("/")
    @anyone
    def start() -> AnyResponse:
        return redirect(PATH)

    @app.get(PATH)
    @for_schedulers
    def board() -> Response:
        paused = "paused" in request.args
        return staff_page(
            "board.html",
            panels=_panels(clock.now()),
            as_of=_hour(clock.now()),
            paused=paused,
            refresh_s=REFRESH_S,
            without_script_s=WITHOUT_SCRIPT_S,
            development=not current.settings().production,
        )

    @app.get("/staff/board")
    @for_schedulers
    def board_part() -> Response:
        at = clock.now()
        part = staff_page("board_part.html", panels=_panels(at), as_of=_hour(at))
        part.set_etag(hashlib.sha256(part.get_data()).hexdigest()[:32])
        return part.make_conditional(request)  # type: ignore[return-value]

    @app.get("/staff/lists/<name>")
    @for_schedulers
    def board_list(name: str) -> Response:
        if name not in WORDS:
            abort(404)
        at = clock.now()
        with reading() as session:
            found = _page(session, name, at, _after(request.args.get("cursor")))
        rows, more = found[:ON_A_PAGE], len(found) > ON_A_PAGE
        next_url = f"/staff/lists/{name}?cursor={cursor_for((rows[-1].at, rows[-1].id))}" if more else None
        words = WORDS[name]
        cells = [words.cells(row, at) for row in rows]
        return staff_page("board_list.html", words=words, rows=cells, next_url=next_url, as_of=_hour(at))


def _after(cursor: str | None) -> Place | None:
    """Where a page begins; a cursor that we did not make is none."""
    try:
        return tuple(read_cursor(cursor, (datetime, UUID))) if cursor else None
    except Unprocessable:
        return None


def _page(session: Session, name: str, at: datetime, after: Place | None) -> Sequence[Any]:
    """The rows of a list after a place: one more than a page has, where there are more."""
    if name != AT_RISK:
        return listed(session, Kind(name), at, after, most=ON_A_PAGE + 1)
    likely = at_risk(outlooks(session, travel.in_use(), at), at).likely
    left = [each for each in likely if after is None or (each.visit.starts_at, each.visit.id) > after]
    return _described(session, left[: ON_A_PAGE + 1])


def _panels(at: datetime) -> list[Panel]:
    """All that is on the board at `at`, the most urgent kind first."""
    with reading() as session:
        foreseen = at_risk(outlooks(session, travel.in_use(), at), at)
        panels = {kind.value: _panel(session, kind, at) for kind in Kind}
        panels[AT_RISK] = _panel_of_risks(session, foreseen, at)
    return [panels[name] for name in WORDS]


def _panel(session: Session, kind: Kind, at: datetime) -> Panel:
    found = shown(session, kind, at, most=AT_A_GLANCE)
    return _made(kind.value, found.rows, found.total, found.urgent, at)


def _panel_of_risks(session: Session, found: AtRisk, at: datetime) -> Panel:
    rows = _described(session, found.likely[:AT_A_GLANCE])
    note = None
    if found.unknown:
        note = f"Unknown: {found.unknown}. Nothing reported today says when their officers will be there."
    return _made(AT_RISK, rows, len(found.likely), 0, at, note)


def _made(name: str, rows: Sequence[Any], total: int, urgent: int, at: datetime, note: str | None = None) -> Panel:
    words = WORDS[name]
    more = f"/staff/lists/{name}" if total > len(rows) else None
    return Panel(name, words, total, urgent, note, [words.cells(row, at) for row in rows], more)


class _Risk(NamedTuple):
    """A visit that may be late, and what the lists say of any visit."""

    at: datetime
    id: UUID
    likely: Likely
    visit: Any


def _described(session: Session, found: Sequence[Likely]) -> list[_Risk]:
    visits = described(session, [each.visit.id for each in found])
    return [
        _Risk(each.visit.starts_at, each.visit.id, each, visits[each.visit.id])
        for each in found
        if each.visit.id in visits
    ]


# What a row says


def _hour(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%H:%M}"


def _when(at: datetime, now: datetime) -> str:
    """ "10:00" if that is today, and otherwise "Wed 25 Nov 10:00": by London's clocks."""
    local = at.astimezone(LONDON)
    if local.date() == now.astimezone(LONDON).date():
        return f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _who(row: Any) -> str:
    return " and ".join(name for name in (row.officer, row.second_officer) if name) or "Nobody"


def _area(postcode: str) -> str:
    """Of a postcode the part that is many streets'."""
    return postcode.split()[0]


def _minutes(since: datetime, now: datetime) -> str:
    return f"{int(elapsed(since, now).total_seconds() // 60)} min"


def _late(row: Any, now: datetime) -> tuple[str, ...]:
    told = "Being told" if row.being_told else "NOT TOLD"
    if row.told or row.rung:
        told = "Told" if row.told else "Told by telephone"
    expected = "On the way" if row.departed_at else "Not set out"
    if row.expected_at:
        expected = f"Expected {_hour(row.expected_at)}"
    return (_hour(row.at), _minutes(row.at, now), told, _who(row), expected, row.reference, _area(row.postcode))


def _nobody_came(row: Any, now: datetime) -> tuple[str, ...]:
    return (_hour(row.at), _minutes(row.at, now), _who(row), row.reference, _area(row.postcode))


def _at_risk(row: _Risk, _: datetime) -> tuple[str, ...]:
    visit, (_, arrival, chance) = row.visit, row.likely
    earliest, latest = (_hour(datetime.fromtimestamp(second, UTC)) for second in arrival.window())
    expected = f"{earliest} to {latest}"
    percent = f"{100 * chance:.0f} in 100"
    return (_hour(row.at), expected, percent, _who(visit), visit.reference, _area(visit.postcode))


def _untold(row: Any, now: datetime) -> tuple[str, ...]:
    to = _when(row.to_starts_at, now) if row.to_starts_at else "cancelled"
    return (
        _when(row.at - NOTICE, now),
        row.reference,
        f"{_when(row.told_starts_at, now)} to {to}"
        if row.to_starts_at
        else f"{_when(row.told_starts_at, now)} {to}",
        _how_told(row, now),
    )


def _how_told(row: Any, now: datetime) -> str:
    if row.handed_over_at:
        return "Sent, no receipt"
    if row.status is MessageStatus.HELD:
        return f"Goes {_when(row.send_at, now)}"
    return "Being sent" if row.status in ON_ITS_WAY else "NOT TOLD: ring"


def _to_ring(row: Any, now: datetime) -> tuple[str, ...]:
    overdue = "OVERDUE" if row.at < now else ""
    visit = f"{row.reference}, {_when(row.starts_at, now)}" if row.reference else "None"
    return (f"{_when(row.at, now)} {overdue}".strip(), REASONS[row.reason], visit)


def _alert(row: Any, now: datetime) -> tuple[str, ...]:
    return (_when(row.at, now), ALERTS[row.kind], row.officer or "Nobody", row.reference, _when(row.about_at, now))


def _unassigned(row: Any, now: datetime) -> tuple[str, ...]:
    return (_when(row.at, now), row.reference, _area(row.postcode))


REASONS = {
    ContactReason.NO_MOBILE_NUMBER: "No mobile number",
    ContactReason.PREFERS_CALL: "Wants a call",
    ContactReason.TIME_HAD_PASSED: "Changed after its time",
    ContactReason.TEXT_REFUSED: "Text refused",
    ContactReason.TEXT_STOPPED: "Said STOP",
    ContactReason.TEXT_UNDELIVERED: "Text did not arrive",
    ContactReason.TEXT_EXPIRED: "Text ran out of time",
    ContactReason.NO_RECEIPT: "No receipt",
    ContactReason.EMAIL_FAILED: "E-mail failed",
    ContactReason.TOO_MANY_DELAYS: "Told of three delays",
    ContactReason.REPLAN: "Over two hours late",
    ContactReason.REPLIED: "Wrote to us",
    ContactReason.NOBODY_CAME: "Nobody came",
}

ALERTS = {
    AlertKind.NO_OUTCOME: "Officer not out of a visit",
    AlertKind.AT_RISK: "Likely to fail: move it",
}

WORDS = {
    Kind.ALERTS.value: Words(
        "Alerts",
        "Nothing has been noticed that nobody sees to.",
        "What the watch has noticed and nobody sees to yet.",
        "not out",
        ("Since", "What", "Officer", "Visit", "Was due"),
        _alert,
    ),
    Kind.LATE.value: Words(
        "Late now",
        "No visit is late.",
        "Over 15 minutes after the booked time, and nobody has arrived.",
        "not told",
        ("Booked", "Late by", "Resident", "Officer", "Arrival", "Visit", "Area"),
        _late,
    ),
    Kind.NOBODY_CAME.value: Words(
        "Nobody came",
        "Somebody came to every visit of today.",
        "An hour or more after the booked time today, and nobody has arrived.",
        None,
        ("Booked", "For", "Officer", "Visit", "Area"),
        _nobody_came,
    ),
    AT_RISK: Words(
        "May be late",
        "No visit is rather late than not.",
        "By what their officers reported last, these are likelier than not to be over 15 minutes late.",
        None,
        ("Booked", "Expected", "Chance of late", "Officer", "Visit", "Area"),
        _at_risk,
    ),
    Kind.UNTOLD.value: Words(
        "Not told of a change",
        "Every resident has been told in time.",
        "The last moment for 24 hours' notice is in the next four hours or has passed.",
        "not sent",
        ("Tell by", "Visit", "Change", "How it stands"),
        _untold,
    ),
    Kind.TO_RING.value: Words(
        "To ring",
        "Nobody is to be rung.",
        "A person must ring these residents: the contact tasks that are open.",
        "overdue",
        ("By", "Why", "Visit"),
        _to_ring,
    ),
    Kind.UNASSIGNED.value: Words(
        "Without an officer",
        "Every visit to come has an officer.",
        "Visits to come that nobody is to make yet.",
        None,
        ("Booked", "Visit", "Area"),
        _unassigned,
    ),
}
"""Every kind, in the order of the board."""
