"""Signing in with a browser, for the pages of staff.

The session is an access token in a cookie: it lives 15 minutes, is made anew while a page is open, and names a
sign-in that is looked up each time, so that signing out counts at once. The cookie is for `/staff` alone: no
browser ever sends it to a page of residents.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import marshmallow as ma
from flask import Flask, Response, current_app, g, redirect, request
from sqlalchemy import bindparam, select
from werkzeug.wrappers import Response as AnyResponse

from api import current
from api.auth import SignedIn, anyone, signed_in_by
from api.demonstration import ACCOUNTS, PASSWORD
from api.pages import staff_page
from api.tokens import SignInIn
from models import clock, database, user
from models.database import transaction
from models.errors import NotYours, SignInRefused, TooManyTries
from models.prepared import Prepared
from models.user import ACCESS_LIFE, Role, SignIn, User

COOKIE, PATH = "staff", "/staff"
LONGEST = timedelta(hours=12)
"""A working day. Then somebody signs in again, however long the board was looked at."""

BOARD_ROLES = frozenset({Role.SCHEDULER, Role.ADMIN})

_STARTED = Prepared(select(SignIn.started_at).where(SignIn.id == bindparam("sign_in_id")))

LINKS = (
    {"href": "/docs", "text": "The API", "about": "every endpoint, to read and to try"},
    {
        "href": "/dev/outbox",
        "text": "The outbox",
        "about": "the texts, calls and e-mails that residents would get",
    },
    {"href": "/b", "text": "Check a badge", "about": "type the code an officer reads out"},
    {"href": "/standards", "text": "The published figures", "about": "how the promises are kept"},
)
"""Where whoever develops or tries the product may look."""


def register(app: Flask) -> None:
    """Serve signing in and signing out."""

    @app.get("/staff/sign-in")
    @anyone
    def sign_in_form() -> Response:
        return _form()

    @app.post("/staff/sign-in")
    @anyone
    def sign_in() -> AnyResponse:
        refuse_other_sites()
        at = clock.now()
        try:
            found = _with_right_password(at)
        except TooManyTries as error:
            refused = _form(429, error.detail)
            refused.headers["Retry-After"] = str(error.extra["retry_after"])
            return refused
        except SignInRefused as error:
            return _form(401, error.detail)
        if found.role not in BOARD_ROLES:
            return staff_page("officer.html")
        with transaction() as session:
            # Its refresh token is nobody's: the cookie is made anew while the board is open.
            started, _ = user.sign_in(session, found, at)
        return _with_cookie(redirect(PATH, 303), started.user_id, started.id, at)

    @app.post("/staff/sign-out")
    @anyone
    def sign_out() -> AnyResponse:
        refuse_other_sites()
        at = clock.now()
        try:
            signed_in = _signed_in(at)
        except SignInRefused:
            signed_in = None
        if signed_in is not None:
            with transaction() as session:
                user.end_sign_in(session, signed_in.sign_in_id, at)
        gone = redirect("/staff/sign-in", 303)
        gone.delete_cookie(COOKIE, path=PATH, secure=_secure(), httponly=True, samesite="Strict")
        return gone


def for_schedulers(view: Callable[..., Response]) -> Callable[..., AnyResponse]:
    """A page of staff: schedulers and admins see it; who is signed out is led to the form, who is an officer told
    where to look."""

    @wraps(view)
    def checked(**kwargs: Any) -> AnyResponse:
        at = clock.now()
        try:
            signed_in = _signed_in(at)
        except SignInRefused:
            return redirect("/staff/sign-in", 303)
        g.signed_in = signed_in
        if signed_in.role not in BOARD_ROLES:
            return staff_page("officer.html", 403)
        return _with_cookie(view(**kwargs), signed_in.user_id, signed_in.sign_in_id, at)

    return anyone(checked)


def refuse_other_sites() -> None:
    """Refuse a form that another site has sent. Raises NotYours.

    Every browser of today says from where a request comes; an older one names the site at least. SameSite=Strict
    keeps the cookie out of such a request besides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site == "same-origin"
    else:
        origin = request.headers.get("Origin")
        base = urlsplit(current.settings().public_base_url)
        ours = origin in (None, f"{base.scheme}://{base.netloc}")
    if not ours:
        raise NotYours("Sign in and out on our own page.")


def _form(status: int = 200, error: str | None = None) -> Response:
    settings = current.settings()
    accounts = [] if settings.production else [(name, role.value) for name, role in ACCOUNTS]
    return staff_page(
        "sign_in.html",
        status,
        error=error,
        username=request.form.get("username", "")[:80],
        accounts=accounts,
        password=PASSWORD,
        links=() if settings.production else LINKS,
    )


def _with_right_password(at: datetime) -> User:
    """Who signs in. Raises SignInRefused or TooManyTries, as the API does."""
    try:
        given = SignInIn().load({name: request.form.get(name, "") for name in ("username", "password")})
    except ma.ValidationError:
        raise SignInRefused("Type your username and your password.") from None
    return user.with_right_password(given["username"], given["password"], address=request.remote_addr or "", at=at)


def _signed_in(at: datetime) -> SignedIn:
    """Who is asking, by the cookie. Raises SignInRefused."""
    signed_in = signed_in_by(request.cookies.get(COOKIE, ""), at)
    started = _STARTED.first(database.looking(), sign_in_id=signed_in.sign_in_id)
    if started is None or at - started.started_at >= LONGEST:
        raise SignInRefused("You signed in twelve hours ago. Sign in again.")
    return signed_in


def _with_cookie(response: AnyResponse, user_id: UUID, sign_in_id: UUID, at: datetime) -> AnyResponse:
    token = current_app.extensions["access_tokens"].issue_for(user_id, sign_in_id, at)
    response.set_cookie(
        COOKIE,
        token,
        max_age=ACCESS_LIFE,
        path=PATH,
        secure=_secure(),
        httponly=True,
        samesite="Strict",
    )
    return response


def _secure() -> bool:
    return current.settings().public_base_url.startswith("https://")
