"""What a visit's resident was sent, each message's whole story, and what notice they had of each change."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import refuse_unless_theirs, roles
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn
from api.outlook import WindowOut
from api.paging import after, page
from models import clock
from models.database import reading
from models.message import Channel, Message, MessageKind, MessageStatus
from models.message_event import MessageEvent
from models.notice_results import result_of
from models.promise import ChangeNotice, ToldBy
from models.reply import Reply, ReplyKind
from models.standards import NoticeResult
from models.visit_event import EventKind, RequestedBy
from models.visit_rows import find

blp = Blueprint("messages", __name__, url_prefix="/v1/visits", description="What residents were told, and when")


class StepOut(ma.Schema):
    """One step of a message's story."""

    at = Instant(required=True)
    event = fields.String(
        required=True,
        metadata={
            "description": "queued, accepted, postponed, unclear, looked_up, refused, blocked, expired, receipt,"
            " replied, next_way, resent or superseded"
        },
    )
    details = fields.Dict(required=True)


class ReplyOut(ma.Schema):
    """What the resident wrote back."""

    received_at = Instant(required=True)
    kind = fields.Enum(ReplyKind, by_value=fields.String, required=True)
    body = fields.String(required=True)
    answer = fields.String(required=True, allow_none=True)


class MessageOut(ma.Schema):
    """A text, call or e-mail, and what became of it. Messages of the same news have the same `news_id`."""

    id = fields.UUID(required=True)
    news_id = fields.UUID(required=True)
    number = fields.Integer(required=True, metadata={"description": "The visit's first message is 1"})
    kind = fields.Enum(MessageKind, by_value=fields.String, required=True)
    channel = fields.Enum(Channel, by_value=fields.String, required=True)
    status = fields.Enum(MessageStatus, by_value=fields.String, required=True)
    reference = fields.String(required=True)
    window = fields.Nested(
        WindowOut,
        required=True,
        allow_none=True,
        metadata={"description": "The window told, where a delay was foreseen: `between 10:30 and 10:45`"},
    )
    decided_at = Instant(required=True)
    send_at = Instant(required=True)
    expires_at = Instant(required=True)
    accepted_at = Instant(required=True, allow_none=True)
    delivered_at = Instant(required=True, allow_none=True)
    failed_at = Instant(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True)
    superseded_by_id = fields.UUID(required=True, allow_none=True)
    body = fields.String(required=True, allow_none=True)
    parts = fields.Integer(required=True, allow_none=True)
    story = fields.List(fields.Nested(StepOut), required=True)
    replies = fields.List(fields.Nested(ReplyOut), required=True)


class MessagesOut(ma.Schema):
    """What the resident was sent, in order."""

    items = fields.List(fields.Nested(MessageOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class ChangeOut(ma.Schema):
    """One change of a visit, and the notice the resident had of it."""

    event_id = fields.UUID(required=True)
    change = fields.Enum(EventKind, by_value=fields.String, required=True)
    decided_at = Instant(required=True)
    requested_by = fields.Enum(RequestedBy, by_value=fields.String, required=True)
    reason = fields.String(required=True)
    told_starts_at = Instant(required=True, metadata={"description": "What the resident had been told before"})
    to_starts_at = Instant(required=True, allow_none=True)
    reference_at = Instant(required=True)
    possible = fields.Boolean(required=True)
    due = fields.Boolean(required=True, metadata={"description": "The rules want it told"})
    handed_over_at = Instant(required=True, allow_none=True)
    told_at = Instant(required=True, allow_none=True)
    told_by = fields.Enum(ToldBy, by_value=fields.String, required=True, allow_none=True)
    result = fields.Enum(
        NoticeResult,
        by_value=fields.String,
        required=True,
        allow_none=True,
        metadata={"description": "Null for a change that nobody had to be told, or that a newer one replaced"},
    )
    message_id = fields.UUID(required=True, allow_none=True)
    contact_task_id = fields.UUID(required=True, allow_none=True)


class ChangesOut(ma.Schema):
    """The changes, in order."""

    items = fields.List(fields.Nested(ChangeOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("/<uuid:visit_id>/messages")
class Messages(Resource):
    @roles("scheduler", "officer")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, MessagesOut)
    def get(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """What the resident was sent, and what became of it, step by step"""
        query = select(Message).where(Message.visit_id == visit_id)
        query = after(query, (Message.number,), (int,), given.get("cursor"))
        with reading() as session:
            refuse_unless_theirs(find(session, visit_id))
            found = session.scalars(query.limit(given["limit"] + 1)).all()
            items, cursor = page(found, given["limit"], ("number",))
            stories, replies = _stories(session, items), _replies(session, items)
        told = [
            {**_columns(each), "window": _window(each), "story": stories[each.id], "replies": replies[each.id]}
            for each in items
        ]
        return answer({"items": MessageOut(many=True).dump(told), "next_cursor": cursor})


def _window(message: Message) -> dict[str, datetime] | None:
    if message.window_from_at is None or message.window_to_at is None:
        return None
    return {"from_": message.window_from_at, "to": message.window_to_at}


def _columns(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def _stories(session: Session, messages: Sequence[Message]) -> dict[UUID, list[dict[str, Any]]]:
    """Each message's steps: when it was queued, what its events tell, and what stopped it."""
    stories: dict[UUID, list[dict[str, Any]]] = {
        message.id: [{"at": message.decided_at, "event": "queued", "details": {"send_at": message.send_at}}]
        for message in messages
    }
    events = session.scalars(
        select(MessageEvent)
        .where(MessageEvent.message_id.in_(stories))
        .order_by(MessageEvent.message_id, MessageEvent.at, MessageEvent.id)
    )
    for event in events:
        stories[event.message_id].append({"at": event.at, "event": event.kind, "details": event.details})
    for message in messages:
        if message.superseded_at is not None:
            by = {"superseded_by_id": message.superseded_by_id} if message.superseded_by_id else {}
            stories[message.id].append({"at": message.superseded_at, "event": "superseded", "details": by})
        stories[message.id].sort(key=lambda step: step["at"])
    return stories


def _replies(session: Session, messages: Sequence[Message]) -> dict[UUID, list[Reply]]:
    replies: dict[UUID, list[Reply]] = defaultdict(list)
    found = session.scalars(
        select(Reply)
        .where(Reply.message_id.in_([message.id for message in messages]))
        .order_by(Reply.message_id, Reply.received_at, Reply.id)
    )
    for reply in found:
        if reply.message_id is not None:
            replies[reply.message_id].append(reply)
    return replies


@blp.route("/<uuid:visit_id>/notices")
class Notices(Resource):
    @roles("scheduler", "officer")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, ChangesOut)
    def get(self, given: dict[str, Any], visit_id: UUID) -> Response:
        """What notice the resident had of each change: told when, how, and in which word that results"""
        query = select(ChangeNotice, Message.status, Message.send_at).outerjoin(
            Message, Message.id == ChangeNotice.message_id
        )
        query = query.where(ChangeNotice.visit_id == visit_id)
        key = (ChangeNotice.decided_at, ChangeNotice.event_id)
        query = after(query, key, (datetime, UUID), given.get("cursor"))
        at = clock.now()
        with reading() as session:
            refuse_unless_theirs(find(session, visit_id))
            rows = session.execute(query.limit(given["limit"] + 1)).all()
        _, cursor = page([row[0] for row in rows], given["limit"], ("decided_at", "event_id"))
        items = [
            {**_columns(notice), "result": result_of(notice, status, send_at, at)}
            for notice, status, send_at in rows[: given["limit"]]
        ]
        return answer({"items": ChangesOut().dump({"items": items})["items"], "next_cursor": cursor})
