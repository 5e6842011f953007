"""Contact tasks: whom a person must ring, why and by when."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select

from api import current
from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.errors import Unknown
from models.message import Channel, MessageStatus
from models.promise import settle
from models.resident import ContactBy
from notifications import scripts
from notifications.texts import Council

blp = Blueprint("contact-tasks", __name__, url_prefix="/v1/contact-tasks", description="Who must be rung")


class ContactTasksIn(ListIn):
    """Which tasks."""

    status = fields.Enum(ContactTaskStatus, by_value=fields.String)
    due_before = Instant()


class ContactTaskPatch(ma.Schema):
    """What came of the call."""

    status = fields.Enum(ContactTaskStatus, by_value=fields.String)
    note = Text(longest=1000, lines=True, allow_none=True)


class TriedOut(ma.Schema):
    """One way that was tried before a person was asked."""

    channel = fields.Enum(Channel, by_value=fields.String, required=True)
    to = fields.String(required=True, metadata={"description": "The number or address"})
    status = fields.Enum(MessageStatus, by_value=fields.String, required=True)
    error_code = fields.String(required=True, allow_none=True)
    send_at = Instant(required=True)


class ToRingOut(ma.Schema):
    """Whom to ring."""

    name = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    second_phone = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    contact_by = fields.Enum(ContactBy, by_value=fields.String, required=True)
    needs = fields.String(required=True, allow_none=True)


class ContactTaskOut(ma.Schema):
    """A resident to ring."""

    id = fields.UUID(required=True)
    visit_id = fields.UUID(required=True, allow_none=True)
    resident_id = fields.UUID(required=True)
    message_id = fields.UUID(required=True, allow_none=True)
    reason = fields.Enum(ContactReason, by_value=fields.String, required=True)
    detail = fields.String(required=True, metadata={"description": "What to tell them"})
    words = fields.String(
        required=True, allow_none=True, metadata={"description": "What the resident wrote, if that is why"}
    )
    resident = fields.Nested(ToRingOut, required=True)
    tried = fields.List(fields.Nested(TriedOut), required=True)
    script = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What could be said; null when it is not ours to say"},
    )
    due_at = Instant(required=True)
    status = fields.Enum(ContactTaskStatus, by_value=fields.String, required=True)
    note = fields.String(required=True, allow_none=True)
    created_at = Instant(required=True)
    done_at = Instant(required=True, allow_none=True)


class ContactTasksOut(ma.Schema):
    """A page of tasks."""

    items = fields.List(fields.Nested(ContactTaskOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@blp.route("")
class ContactTasks(Resource):
    @roles("scheduler")
    @blp.arguments(ContactTasksIn, location="query")
    @blp.response(200, ContactTasksOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List whom to ring, most urgent first: why, what was tried, and what could be said"""
        query = select(ContactTask)
        if "status" in given:
            query = query.where(ContactTask.status == given["status"])
        if "due_before" in given:
            query = query.where(ContactTask.due_at < given["due_before"])
        query = after(query, (ContactTask.due_at, ContactTask.id), (datetime, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
            items, cursor = page(found, given["limit"], ("due_at", "id"))
            return {"items": scripts.briefs(session, items, _council()), "next_cursor": cursor}


@blp.route("/<uuid:task_id>")
class OneContactTask(Resource):
    @roles("scheduler")
    @blp.response(200, ContactTaskOut)
    def get(self, task_id: UUID) -> Any:
        """Show whom to ring"""
        with reading() as session:
            task = session.get(ContactTask, task_id)
            if task is None:
                raise Unknown("No contact task has this id.")
            return scripts.briefs(session, [task], _council())[0]

    @roles("scheduler")
    @blp.arguments(ContactTaskPatch)
    @blp.response(200, ContactTaskOut)
    def patch(self, given: dict[str, Any], task_id: UUID) -> Any:
        """Say what came of the call

        `done`: you told them, or answered them, and the ledger says so from now. `not_reached`: nobody could be
        reached.
        """
        with transaction() as session:
            task = session.get(ContactTask, task_id, with_for_update=True)
            if task is None:
                raise Unknown("No contact task has this id.")
            if "note" in given:
                task.note = given["note"]
            if "status" in given:
                task.close(given["status"], by=who().user_id, at=clock.now())
                session.flush()
                if task.visit_id is not None:
                    settle(session, [task.visit_id])
            return scripts.briefs(session, [task], _council())[0]


def _council() -> Council:
    settings = current.settings()
    return Council(settings.council_name, settings.council_phone)
