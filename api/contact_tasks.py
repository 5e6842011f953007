"""Contact tasks: whom a person must ring, why and by when."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select

from api.auth import roles, who
from api.blueprint import Blueprint, Resource
from api.fields import Instant, ListIn, Text
from api.paging import after, page
from models import clock
from models.contact_task import ContactReason, ContactTask, ContactTaskStatus
from models.database import reading, transaction
from models.errors import Unknown

blp = Blueprint("contact-tasks", __name__, url_prefix="/v1/contact-tasks", description="Who must be rung")


class ContactTasksIn(ListIn):
    """Which tasks."""

    status = fields.Enum(ContactTaskStatus, by_value=fields.String)
    due_before = Instant()


class ContactTaskPatch(ma.Schema):
    """What came of the call."""

    status = fields.Enum(ContactTaskStatus, by_value=fields.String)
    note = Text(longest=1000, lines=True, allow_none=True)


class ContactTaskOut(ma.Schema):
    """A resident to ring."""

    id = fields.UUID(required=True)
    visit_id = fields.UUID(required=True)
    resident_id = fields.UUID(required=True)
    message_id = fields.UUID(required=True, allow_none=True)
    reason = fields.Enum(ContactReason, by_value=fields.String, required=True)
    detail = fields.String(required=True, metadata={"description": "What to tell them"})
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
        """List whom to ring, most urgent first"""
        query = select(ContactTask)
        if "status" in given:
            query = query.where(ContactTask.status == given["status"])
        if "due_before" in given:
            query = query.where(ContactTask.due_at < given["due_before"])
        query = after(query, (ContactTask.due_at, ContactTask.id), (datetime, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("due_at", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/<uuid:task_id>")
class OneContactTask(Resource):
    @roles("scheduler")
    @blp.arguments(ContactTaskPatch)
    @blp.response(200, ContactTaskOut)
    def patch(self, given: dict[str, Any], task_id: UUID) -> ContactTask:
        """Say what came of the call"""
        with transaction() as session:
            task = session.get(ContactTask, task_id, with_for_update=True)
            if task is None:
                raise Unknown("No contact task has this id.")
            if "note" in given:
                task.note = given["note"]
            if "status" in given:
                task.status = given["status"]
                closed = task.status is not ContactTaskStatus.OPEN
                task.done_at = clock.now() if closed else None
                task.done_by_id = who().user_id if closed else None
            return task
