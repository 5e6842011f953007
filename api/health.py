"""Is it alive, is it ready, and is there anything that somebody has to look at."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api import current
from api.auth import anyone
from api.blueprint import Blueprint, Resource, answer
from api.errors import problem
from id_badges.keys import KeysUnusable, Purpose
from models import bank_holidays, clock, watch
from models.clock import in_london
from models.contact_task import to_ring
from models.database import reading
from models.sender_state import SenderState, states
from models.watch import WatchTurn
from notifications import backlog
from notifications.backlog import Load

blp = Blueprint("health", __name__, description="For load balancers")


KEYS_NEEDED_FOR = timedelta(days=30)
"""Long enough to make the next keys before the last may sign no more."""


class HealthOut(ma.Schema):
    """All is well."""

    status = fields.String(required=True)


class TextsOut(ma.Schema):
    """The messages on their way out, whatever their channel."""

    waiting = fields.Integer(required=True, metadata={"description": "Held, claimed, or of unclear fate"})
    oldest_due_seconds = fields.Integer(
        required=True,
        metadata={"description": "How long the oldest that is due has not gone; 0 if none is due"},
    )


class ReadyOut(HealthOut):
    """Requests can be served; `warnings` say what somebody has to look at."""

    warnings = fields.List(fields.String(), required=True)
    texts = fields.Nested(TextsOut, required=True)


@blp.route("/healthz")
class Health(Resource):
    @anyone
    @blp.response(200, HealthOut)
    def get(self) -> Response:
        """The process answers"""
        return answer({"status": "ok"})


@blp.route("/readyz")
class Ready(Resource):
    @anyone
    @blp.response(200, ReadyOut)
    def get(self) -> Response:
        """The database answers: requests can be served

        `warnings` tell of texts that nobody sends, of senders that stand still, of a watch that does not look, of
        residents whom somebody should have rung, of keys that end and of bank holidays that run out.
        """
        at = clock.now()
        try:
            with reading() as session:
                session.execute(text("SELECT 1 FROM alembic_version"))
                loads, stand, calls = backlog.loads(session, at), states(session), to_ring(session, at)
                turns = watch.turns(session)
                unwatched = not turns and watch.is_missed(session, at)
        except DBAPIError:
            return problem(503, "The database does not answer, or `alembic upgrade head` was not run.")
        paused = {channel: state for channel, state in stand.items() if state.stands_still(at)}
        warnings = [
            *_of_keys(at),
            *_of_bank_holidays(at),
            *_of_queue([load for (channel, *_), load in loads.items() if channel not in paused], at),
            *(_of_sender(state) for state in paused.values()),
            *_of_watch(turns, unwatched, at),
            *_of_calls(sum(each.overdue for each in calls.values())),
        ]
        texts = {
            "waiting": sum(load.waiting for load in loads.values()),
            "oldest_due_seconds": int(backlog.oldest_due(loads.values(), at).total_seconds()),
        }
        return answer({"status": "ok", "warnings": warnings, "texts": texts})


def _of_keys(at: datetime) -> Iterator[str]:
    try:
        current.keyring().signing_key(Purpose.PHONE, at + KEYS_NEEDED_FOR)
    except KeysUnusable:
        yield "No key may sign badges in 30 days' time: make the next one."


def _of_bank_holidays(at: datetime) -> Iterator[str]:
    if bank_holidays.run_out(at):
        last = bank_holidays.KNOWN_UNTIL
        yield f"Bank holidays are known to {last.day} {last:%B %Y} only: update the product."


def _of_queue(loads: Iterable[Load], at: datetime) -> Iterator[str]:
    """The loads of the senders that send: what the others keep is told by their own warnings."""
    late = backlog.oldest_due(loads, at)
    if late > backlog.STUCK_AFTER:
        minutes = int(late.total_seconds() // 60)
        yield f"A message is {minutes} minutes late. Does `flask send-texts` run? See `flask texts stuck`."


def _of_sender(state: SenderState) -> str:
    """An operator's own words are for operators; a carrier's error code is for everybody."""
    code = f" ({state.reason})" if state.in_trouble else ""
    since = f" since {in_london(state.paused_at)}" if state.paused_at else ""
    return f"The {state.channel} sender is paused by {state.who_paused}{code}{since}."


def _of_watch(turns: Iterable[WatchTurn], unwatched: bool, at: datetime) -> Iterator[str]:
    if unwatched:
        yield "Nothing has ever looked for visits that nobody came to. Does `flask send-texts` run?"
    for turn in turns:
        if turn.is_late(at):
            minutes = int((at - turn.looked_at).total_seconds() // 60)
            yield f"The watch for {turn.name} last looked {minutes} minutes ago. Does `flask send-texts` run?"


def _of_calls(overdue: int) -> Iterator[str]:
    if overdue:
        yield f"Overdue contact tasks: {overdue}. See GET /v1/contact-tasks?status=open."
