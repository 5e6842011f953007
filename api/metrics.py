"""Metrics for Prometheus, read from the database when they are asked for: any server tells those of all."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate, product

from flask import Response
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from sqlalchemy.orm import Session

from api.auth import anyone
from api.blueprint import Blueprint, Resource
from api.scan_log import DROPPED
from models import clock
from models.contact_task import to_ring
from models.database import reading
from models.message import ON_ITS_WAY, Channel, MessageKind
from models.sender_state import PausedBy, states
from models.tally import Count, totals
from models.watch import turns
from notifications import backlog
from notifications.backlog import Load
from notifications.recording import LATENESS_S

OUTCOMES = (
    *("accepted", "delivered", "undelivered", "failed"),
    *("refused", "blocked", "expired", "unclear", "postponed"),
)
"""Every outcome that is counted: one that has not happened yet is 0, so that an alert sees the first."""

_WAITING = sorted(ON_ITS_WAY)

_BUCKETS = {f"{bound}": f"{bound:.1f}" for bound in LATENESS_S} | {"+Inf": "+Inf"}
"""The histogram's buckets: the words they are counted under, and Prometheus' own."""

blp = Blueprint("metrics", __name__, description="For Prometheus")


@blp.route("/metrics")
class Metrics(Resource):
    @anyone
    @blp.response(200, {"type": "string"}, content_type="text/plain")
    def get(self) -> Response:
        """What is waiting, what became of messages, how late they went, and who must be rung

        In Prometheus' text format. Counts alone: nothing in it is about anybody.
        """
        return Response(generate_latest(_Collector(clock.now())), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Collector:
    """What Prometheus' library asks for the metrics."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def collect(self) -> Iterable[Metric]:
        """Every metric, as the database tells it now."""
        with reading() as session:
            return [
                *_queue(session, self._at),
                *_counts(session),
                _senders(session, self._at),
                *_contact_tasks(session, self._at),
                _watches(session, self._at),
            ]


def _queue(session: Session, at: datetime) -> Iterator[Metric]:
    loads = backlog.loads(session, at)
    messages = GaugeMetricFamily(
        "home_visits_messages_waiting",
        "Messages that have not gone yet, or may not have.",
        labels=("channel", "kind", "status"),
    )
    oldest = GaugeMetricFamily(
        "home_visits_oldest_due_seconds",
        "How long the oldest message that is due has not gone; 0 if none is due.",
        labels=("channel", "kind"),
    )
    for channel, kind in product(Channel, MessageKind):
        of_kind = [loads.get((channel, kind, status), Load(0, None)) for status in _WAITING]
        for status, load in zip(_WAITING, of_kind, strict=True):
            messages.add_metric((channel, kind, status), load.waiting)
        oldest.add_metric((channel, kind), backlog.oldest_due(of_kind, at).total_seconds())
    yield messages
    yield oldest


def _counts(session: Session) -> Iterator[Metric]:
    counted = totals(session, ("outcomes", "parts", "lateness", "lateness_ms", DROPPED.name))
    outcomes = CounterMetricFamily(
        "home_visits_message_outcomes", "What became of messages.", labels=("channel", "kind", "outcome")
    )
    for what in product(Channel, MessageKind, OUTCOMES):
        outcomes.add_metric(what, counted.get(Count("outcomes", *what), 0))
    yield outcomes
    parts = CounterMetricFamily(
        "home_visits_message_parts", "Parts of the texts that the carrier took.", labels=("kind",)
    )
    for kind in MessageKind:
        parts.add_metric((kind,), sum(counted.get(Count("parts", channel, kind), 0) for channel in Channel))
    yield parts
    lateness = HistogramMetricFamily(
        "home_visits_sending_lateness_seconds",
        "How long after its time the carrier took a message.",
        labels=("channel", "kind"),
    )
    for channel, kind in product(Channel, MessageKind):
        in_bucket = [counted.get(Count("lateness", channel, kind, word), 0) for word in _BUCKETS]
        seconds = counted.get(Count("lateness_ms", channel, kind), 0) / 1000
        buckets = list(zip(_BUCKETS.values(), accumulate(in_bucket), strict=True))
        lateness.add_metric((channel, kind), buckets, seconds)
    yield lateness
    yield CounterMetricFamily(
        "home_visits_scans_dropped",
        "Checks of badges that were answered and not recorded, for want of room in the queue.",
        value=counted.get(DROPPED, 0),
    )


def _senders(session: Session, at: datetime) -> Metric:
    paused = GaugeMetricFamily(
        "home_visits_sender_paused",
        "1 if the sender stands still, by who paused it.",
        labels=("channel", "by"),
    )
    standing = {state.channel: state.paused_by for state in states(session).values() if state.stands_still(at)}
    for channel, by in product(Channel, PausedBy):
        paused.add_metric((channel, by), standing.get(channel) is by)
    return paused


def _contact_tasks(session: Session, at: datetime) -> Iterator[Metric]:
    open_tasks = GaugeMetricFamily(
        "home_visits_contact_tasks_open", "Residents whom a person has to ring.", labels=("reason",)
    )
    overdue = GaugeMetricFamily(
        "home_visits_contact_tasks_overdue",
        "Residents whom a person should have rung by now.",
        labels=("reason",),
    )
    for reason, tasks in to_ring(session, at).items():
        open_tasks.add_metric((reason,), tasks.open)
        overdue.add_metric((reason,), tasks.overdue)
    yield open_tasks
    yield overdue


def _watches(session: Session, at: datetime) -> Metric:
    ago = GaugeMetricFamily(
        "home_visits_watch_seconds_ago",
        "How long ago each watch last looked for what nobody reports, and came to its end.",
        labels=("watch",),
    )
    for turn in turns(session):
        ago.add_metric((turn.name,), (at - turn.looked_at).total_seconds())
    return ago
