"""Who is asking, and what their role allows. A route that names no role is refused."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import jwt
import orjson
from flask import Flask, current_app, g, request
from jwt.utils import base64url_decode, base64url_encode
from sqlalchemy import bindparam, select

from models import clock, database
from models.errors import NotYours, SignInRefused
from models.prepared import Prepared
from models.user import ACCESS_LIFE, Role, SignIn, User
from models.visit import Visit

View = TypeVar("View", bound=Callable[..., Any])

ANYONE = frozenset({"anyone"})


def roles(*names: str) -> Callable[[View], View]:
    """Let these roles in. Checked before anything of the request is read."""
    allowed = frozenset(Role(name) for name in names)

    def mark(view: View) -> View:
        view.roles = allowed  # type: ignore[attr-defined]
        return view

    return mark


def anyone(view: View) -> View:
    """Let everybody in, signed in or not."""
    view.roles = ANYONE  # type: ignore[attr-defined]
    return view


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking."""

    user_id: UUID
    role: Role
    officer_id: UUID | None
    sign_in_id: UUID


class AccessTokens:
    """Access tokens: HS256 JWS that live 15 minutes and name a sign-in, which is looked up every time."""

    HEADER = {"alg": "HS256", "typ": "at+jwt"}

    def __init__(self, secret: bytes, issuer: str) -> None:
        if len(secret) < 32:
            raise ValueError("the key of the access tokens needs 32 bytes")
        self._secret = secret
        self._issuer = issuer
        self._header = jwt.encode({}, secret, algorithm="HS256", headers=dict(self.HEADER)).split(".")[0]

    def issue(self, sign_in: SignIn, at: datetime) -> str:
        """A token for this sign-in."""
        return self.issue_for(sign_in.user_id, sign_in.id, at)

    def issue_for(self, user_id: UUID, sign_in_id: UUID, at: datetime) -> str:
        """The same, by what names it."""
        claims = self._claims(str(user_id), str(sign_in_id), int(at.timestamp()))
        return jwt.encode(claims, self._secret, algorithm="HS256", headers=dict(self.HEADER))

    def _claims(self, user_id: str, sign_in_id: str, issued: int) -> dict[str, Any]:
        return {
            "iss": self._issuer,
            "sub": user_id,
            "sid": sign_in_id,
            "iat": issued,
            "exp": issued + int(ACCESS_LIFE.total_seconds()),
        }

    def read(self, token: str, at: datetime) -> UUID:
        """The sign-in a token names. Raises SignInRefused for any token that `issue` would not have made.

        Its three parts must be, to the letter, those we would have written: that refuses what a lenient reader
        lets through, other spellings of the same bytes, further members, another header, another life.
        """
        refused = SignInRefused("Your access token is not valid or has run out. Refresh it or sign in again.")
        if len(token) > 1024 or not token.isascii():
            raise refused
        try:
            header, payload, signature = token.split(".")
            seal = hmac.digest(self._secret, f"{header}.{payload}".encode(), "sha256")
            if not hmac.compare_digest(base64url_encode(seal), signature.encode()) or header != self._header:
                raise refused
            claims = orjson.loads(base64url_decode(payload))
            issued, sign_in_id = claims["iat"], UUID(claims["sid"])
            made_again = orjson.dumps(self._claims(str(UUID(claims["sub"])), str(sign_in_id), issued))
            if type(issued) is not int or base64url_encode(made_again) != payload.encode():
                raise refused
            if not issued - 30 <= at.timestamp() < issued + ACCESS_LIFE.total_seconds():
                raise refused
            return sign_in_id
        except (LookupError, ValueError, TypeError, AttributeError):
            raise refused from None


# The user and not only the token decides: a closed account or a sign-out counts at once.
_WHO = Prepared(
    select(User.id, User.role, User.officer_id)
    .join(SignIn, SignIn.user_id == User.id)
    .where(SignIn.id == bindparam("sign_in_id"), SignIn.ended_at.is_(None), User.active)
)


def who() -> SignedIn:
    """Who is asking. Only inside a route that names roles."""
    signed_in: SignedIn = g.signed_in
    return signed_in


def _authenticate() -> SignedIn:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SignInRefused("Sign in at /v1/tokens and send the access token as Authorization: Bearer.")
    return signed_in_by(token.strip(), clock.now())


def signed_in_by(token: str, at: datetime) -> SignedIn:
    """Whose access token this is. Raises SignInRefused."""
    sign_in_id = current_app.extensions["access_tokens"].read(token, at)
    row = _WHO.first(database.looking(), sign_in_id=sign_in_id)
    if row is None:
        raise SignInRefused("You are signed out. Sign in again.")
    return SignedIn(row.id, row.role, row.officer_id, sign_in_id)


def allowed_roles(view: Any, method: str) -> frozenset[str]:
    """The roles a view names for a method; none if it names none."""
    handler = view
    if view_class := getattr(view, "view_class", None):
        method = method.lower()
        handler = getattr(view_class, method, None)
        if handler is None and method == "head":
            handler = getattr(view_class, "get", None)
    return getattr(handler, "roles", frozenset())


def _check_role() -> None:
    """Default deny, before the body is looked at: a stranger learns nothing of what a route takes."""
    if request.endpoint is None or request.routing_exception is not None:
        return
    allowed = allowed_roles(current_app.view_functions[request.endpoint], request.method)
    if allowed is ANYONE:
        return
    g.signed_in = signed_in = _authenticate()
    if signed_in.role not in allowed:
        raise NotYours("Your role does not allow this.")


def register(app: Flask) -> None:
    """Check the role before every request."""
    app.before_request(_check_role)


def refuse_unless_own(officer_id: UUID) -> None:
    """An officer reads their own hours and absences, and no colleague's. Raises NotYours."""
    signed_in = who()
    if signed_in.role is Role.OFFICER and signed_in.officer_id != officer_id:
        raise NotYours("These are another officer's.")


def refuse_unless_theirs(visit: Visit) -> None:
    """An officer reaches only their own visits. Raises NotYours."""
    signed_in = who()
    if signed_in.role is Role.OFFICER and signed_in.officer_id not in visit.officer_ids:
        raise NotYours("This visit is another officer's.")
