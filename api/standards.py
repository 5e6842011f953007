"""The page of the published figures, `/standards`: each promise, how it was kept, and what went wrong.

It holds nobody's visit, so anybody may keep it for some minutes and search engines may list it. Its figures are
counted once a day, and the page is made once in five minutes, however often it is asked for.
"""

import hashlib
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask, Response, request

from api import current
from api.auth import anyone
from api.json import to_json
from api.pages import a_browser_asks, dressed, render
from models import clock, feedback
from models.clock import LONDON
from models.database import snapshot
from models.feedback import Feedback
from models.published import CHECKS_OF, FEWEST, Figure, Published, Year, began, published
from models.standards import NOTICE, ON_TIME_S

MOST_SAID = 10
MADE_EVERY = timedelta(minutes=5)
CACHE = f"public, max-age={int(MADE_EVERY.total_seconds())}"

PROMISES = {
    "arrival": "aim to arrive within 15 minutes of any pre-arranged appointment",
    "notice": (
        "endeavour to let you know within 24 hours if we need to change the time of the visit or will be late"
    ),
    "where_possible": "at least 24 hours' notice where possible",
    "documentation": "carry clear documentation that identifies us as council employees or contractors",
}
"""In the council's own words."""

ARRIVALS = ("early", "late", "missed")
VISITS_LEFT_OUT = ("cancelled", "no_arrival_recorded", "not_yet_due")
CHANGES_LEFT_OUT = (
    "not_possible",
    "asked_for_by_resident",
    "no_need_to_tell",
    "superseded",
    "still_to_be_told",
)


class Made(NamedTuple):
    """The page in both its forms, as the figures stood at `at`."""

    at: datetime
    html: bytes
    json: bytes


class StandardsPage:
    """Keeps the page that was made last.

    Made for each full five minutes by the clock: what residents said may have to go at once. Whoever asks first
    makes it; who comes meanwhile is given the one before. Its figures are counted once a day.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._made: Made | None = None
        self._figures: Published | None = None

    def at(self, at: datetime) -> Made:
        """The page as of the last full five minutes."""
        begins = _begin(at)
        made = self._made
        if made is not None and made.at == begins:
            return made
        # Only who has nothing to give waits for who is making it.
        if not self._turn.acquire(blocking=made is None):
            assert made is not None  # noqa: S101 - narrows the type: who has nothing has waited
            return made
        try:
            if self._made is None or self._made.at != begins:
                self._made = self._make(begins)
            return self._made
        finally:
            self._turn.release()

    def _make(self, at: datetime) -> Made:
        with snapshot() as session:
            if self._figures is None or self._figures.at != began(at):
                self._figures = published(session, at)
            said = feedback.published(session, MOST_SAID)
        return _render(at, self._figures, said)

    def forget(self) -> None:
        """Count and make it anew next time."""
        self._made = self._figures = None


def register(app: Flask) -> None:
    """Serve the page, as HTML or as JSON. It sets no cookie and needs no JavaScript."""
    kept = app.extensions["standards_page"] = StandardsPage()

    @app.get("/standards")
    @anyone
    def standards_page() -> Response:
        made = kept.at(clock.now())
        if a_browser_asks():
            answer = dressed(made.html)
            # Unlike the pages at the door, this one is to be found.
            del answer.headers["X-Robots-Tag"]
        else:
            answer = Response(made.json, content_type="application/json")
            answer.headers["Vary"] = "Accept"
        answer.headers["Cache-Control"] = CACHE
        answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
        return answer.make_conditional(request)  # type: ignore[return-value]


def _begin(at: datetime) -> datetime:
    every = int(MADE_EVERY.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // every * every, UTC)


def _render(at: datetime, figures: Published, said: Sequence[Feedback]) -> Made:
    html = render(
        "standards.html",
        promises=PROMISES,
        figures=figures,
        # The last day counted is the one before that on which they stood so.
        last_day=_day(figures.at - timedelta(hours=1)),
        charts={name: _chart(getattr(figures, name)) for name in ("on_time", "notice", "told")},
        said=said,
        fewest=FEWEST,
        days=CHECKS_OF.days,
        complaints_url=current.settings().complaints_url,
    )
    return Made(at, html, to_json(_json(figures, said)))


# The charts


COLUMN, GROUND, HEIGHT = 30, 125, 120
"""In the drawing's own units: how wide a month is, where zero is, and how high a hundred per cent."""


class Column(NamedTuple):
    """One month as it is drawn."""

    x: int
    height: int
    month: str
    in_full: str
    figure: Figure | None
    so_far: bool


def _chart(year: Year) -> dict[str, Any]:
    """A figure's twelve months as columns, with the same in words for whoever does not see them."""
    columns = [
        Column(
            x=nth * COLUMN,
            height=HEIGHT * month.figure.percent // 100 if month.figure else 0,
            month=f"{month.begins:%b}",
            in_full=f"{month.begins:%b %Y}",
            figure=month.figure,
            so_far=nth == len(year.months) - 1,
        )
        for nth, month in enumerate(year.months)
    ]
    return {
        "columns": columns,
        "width": COLUMN * len(columns),
        "ground": GROUND,
        "top": GROUND - HEIGHT,
        "words": "; ".join(f"{each.in_full}, {_in_words(each.figure)}" for each in columns),
    }


def _in_words(figure: Figure | None) -> str:
    return f"{figure.percent}%" if figure else "too few to show"


def _day(at: datetime) -> str:
    local = at.astimezone(LONDON)
    return f"{local.day} {local:%B %Y}"


# The same for programs


def _json(figures: Published, said: Sequence[Feedback]) -> dict[str, Any]:
    return {
        "counted_at": figures.at,
        "fewest_shown": FEWEST,
        "arrival": {
            "promise": PROMISES["arrival"],
            "seconds": ON_TIME_S,
            "on_time": _year_out(figures.on_time),
            "by_first_promise": _figure_out(figures.by_first_promise),
            "went_wrong": {word: figures.arrivals[word] for word in ARRIVALS},
            "left_out": {word: figures.visits_left_out[word] for word in VISITS_LEFT_OUT},
        },
        "notice": {
            "promise": PROMISES["notice"],
            "seconds": int(NOTICE.total_seconds()),
            "met_where_possible": _year_out(figures.notice),
            "told_within_24h": _year_out(figures.told),
            "told_of_lateness": _figure_out(figures.late_told),
            "went_wrong": dict(figures.not_kept),
            "left_out": {word: figures.changes_left_out[word] for word in CHANGES_LEFT_OUT},
        },
        "documentation": {
            "promise": PROMISES["documentation"],
            "badge_checks": figures.badge_checks,
            "days": CHECKS_OF.days,
        },
        "you_said_we_did": [{"you_said": each.you_said, "we_did": each.we_did} for each in said],
    }


def _year_out(year: Year) -> dict[str, Any]:
    months = [{"month": _month(each.begins), **_figure_out(each.figure)} for each in year.months]
    return {"total": _figure_out(year.total), "months": months}


def _month(begins: date) -> str:
    return f"{begins:%Y-%m}"


def _figure_out(figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return {"part": None, "whole": None, "share": None}
    return {"part": figure.part, "whole": figure.whole, "share": figure.part / figure.whole}
