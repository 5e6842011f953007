"""Accounts: who may sign in, and as what."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.auth import roles
from api.blueprint import Blueprint, Resource, answer
from api.fields import Instant, ListIn, Text, YesNo
from api.paging import after, page
from models import clock, user
from models.database import reading, transaction
from models.errors import AlreadyTaken, Unknown, Unprocessable
from models.officer import Officer
from models.user import Role, User

blp = Blueprint("users", __name__, url_prefix="/v1/users", description="Accounts")

_Password = fields.String(
    required=True,
    load_only=True,
    validate=validate.Length(min=12, max=200, error="Use a password of 12 to 200 characters."),
)


class UserIn(ma.Schema):
    """A new account. An officer's account names its officer."""

    username = Text(required=True, longest=80)
    password = _Password
    role = fields.Enum(Role, by_value=fields.String, required=True)
    officer_id = fields.UUID(allow_none=True, load_default=None)


class UserPatch(ma.Schema):
    """What to change of an account. A new password, role or closure signs it out everywhere."""

    password = fields.String(load_only=True, validate=_Password.validate)
    role = fields.Enum(Role, by_value=fields.String)
    officer_id = fields.UUID(allow_none=True)
    active = YesNo()


class UserOut(ma.Schema):
    """An account. Its password is nowhere."""

    id = fields.UUID(required=True)
    username = fields.String(required=True)
    role = fields.Enum(Role, by_value=fields.String, required=True)
    officer_id = fields.UUID(allow_none=True, required=True)
    active = fields.Boolean(required=True)
    created_at = Instant(required=True)


class UsersOut(ma.Schema):
    """A page of accounts."""

    items = fields.List(fields.Nested(UserOut), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


def _refuse_wrong_officer(session: Session, role: Role, officer_id: UUID | None) -> None:
    if role is not Role.OFFICER:
        if officer_id is not None:
            raise Unprocessable("officer_id", "Only an officer's account names an officer.")
    elif officer_id is None:
        raise Unprocessable("officer_id", "An officer's account names its officer.")
    elif session.get(Officer, officer_id) is None:
        raise Unprocessable("officer_id", "No officer has this id.")


@blp.route("")
class Users(Resource):
    @roles("admin")
    @blp.arguments(UserIn)
    @blp.response(201, UserOut)
    def post(self, given: dict[str, Any]) -> Response:
        """Open an account"""
        new = User(
            username=given["username"],
            role=given["role"],
            officer_id=given["officer_id"],
            created_at=clock.now(),
            active=True,
        )
        new.set_password(given["password"])
        with transaction() as session:
            _refuse_wrong_officer(session, new.role, new.officer_id)
            session.add(new)
            try:
                session.flush()
            except IntegrityError:
                raise AlreadyTaken("Another account has this username. Choose another.") from None
        return answer(UserOut().dump(new), 201, location=f"/v1/users/{new.id}")

    @roles("admin")
    @blp.arguments(ListIn, location="query")
    @blp.response(200, UsersOut)
    def get(self, given: dict[str, Any]) -> dict[str, Any]:
        """List the accounts, by username"""
        query = after(select(User), (User.username, User.id), (str, UUID), given.get("cursor"))
        with reading() as session:
            found = session.scalars(query.limit(given["limit"] + 1)).all()
        items, cursor = page(found, given["limit"], ("username", "id"))
        return {"items": items, "next_cursor": cursor}


@blp.route("/<uuid:user_id>")
class OneUser(Resource):
    @roles("admin")
    @blp.response(200, UserOut)
    def get(self, user_id: UUID) -> User:
        """Show an account"""
        with reading() as session:
            return _find(session, user_id)

    @roles("admin")
    @blp.arguments(UserPatch)
    @blp.response(200, UserOut)
    def patch(self, given: dict[str, Any], user_id: UUID) -> User:
        """Change an account's password, role or officer, or close it"""
        with transaction() as session:
            changed = _find(session, user_id)
            if password := given.pop("password", None):
                changed.set_password(password)
                user.end_all_sign_ins(session, user_id, clock.now())
            for name, value in given.items():
                setattr(changed, name, value)
            _refuse_wrong_officer(session, changed.role, changed.officer_id)
            if given:
                user.end_all_sign_ins(session, user_id, clock.now())
            return changed


def _find(session: Session, user_id: UUID) -> User:
    found = session.get(User, user_id)
    if found is None:
        raise Unknown("No account has this id.")
    return found
