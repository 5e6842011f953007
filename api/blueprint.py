"""What every resource of the API has in common: reading bodies, versions, repeated requests, documents."""

import hashlib
import hmac
import http
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import flask_smorest
import marshmallow as ma
import orjson
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Request, Response, current_app, g, request
from flask.views import MethodView
from marshmallow import fields
from webargs import core
from webargs.flaskparser import FlaskParser, abort

from api.auth import ANYONE, View
from api.json import to_json
from models import clock, database, idempotency
from models.errors import KeyInUse, Unprocessable, VersionConflict, VersionRequired

_DEEPEST = 20
"""Levels of nesting: our deepest body has three."""


class Problem(ma.Schema):
    """An RFC 9457 problem document."""

    type = fields.String(required=True, metadata={"description": "Which problem; the last part is its name"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What to do now"})
    errors = fields.Dict(metadata={"description": "What to correct, by field"})

    class Meta:
        unknown = ma.INCLUDE


class Parser(FlaskParser):
    """Reads bodies strictly: JSON only, UTF-8, no endless nesting, unknown fields named."""

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.RAISE,
        "query": ma.RAISE,
    }

    def _raw_load_json(self, req: Request) -> Any:
        if not core.is_json(req.mimetype):
            abort(415)
        try:
            body = orjson.loads(req.get_data(cache=True))
        except orjson.JSONDecodeError:
            abort(400)
        if _too_deep(body, _DEEPEST):
            abort(400, message="The body is nested too deeply.")
        # Two readers of {"a": 1, "a": 2} may see two different requests. orjson takes the last without a word.
        try:
            json.loads(req.get_data(cache=True), object_pairs_hook=_only_once)
        except ValueError:
            abort(400, message="The body names a field twice, or has a number that is too long.")
        return body

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """Query parameters; one given twice is refused: we could not know which is meant."""
        for name, values in req.args.lists():
            if len(values) > 1:
                raise ma.ValidationError({name: ["Give this once."]})
        return super().load_querystring(req, schema)


def _only_once(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) != len(members):
        raise ValueError


def _too_deep(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_too_deep(member, levels - 1) for member in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_too_deep(member, levels - 1) for member in value)
    return False


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The OpenAPI document, in which every error is a problem document."""

    ERROR_SCHEMA = Problem

    def _register_responses(self) -> None:
        for status in http.HTTPStatus:
            self.spec.components.response(status.name, problem_response(status.phrase), lazy=True)
        self.spec.components.response("DEFAULT_ERROR", problem_response("Our own failure"), lazy=True)


def problem_response(description: str, schema: Any = Problem) -> dict[str, Any]:
    """A refusal, for the document."""
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of routes, documented with their roles, their problems and the headers they take."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(_document_common)

    # Typed, so that a decorated view keeps its type.

    def arguments(self, schema: Any, **kwargs: Any) -> Callable[[View], View]:
        """What a view takes."""
        # One instance for all requests: making a schema costs more than using it.
        schema = schema() if isinstance(schema, type) else schema
        decorator: Callable[[View], View] = super().arguments(schema, **kwargs)
        return decorator

    def response(self, status_code: int, schema: Any = None, **kwargs: Any) -> Callable[[View], View]:
        """What a view answers."""
        decorator: Callable[[View], View] = super().response(status_code, schema, **kwargs)
        return decorator

    def alt_response(self, status_code: int, **kwargs: Any) -> Callable[[View], View]:
        """What a view may answer instead."""
        decorator: Callable[[View], View] = super().alt_response(status_code, **kwargs)
        return decorator

    def doc(self, **kwargs: Any) -> Callable[[View], View]:
        """What else the document says of a view."""
        decorator: Callable[[View], View] = super().doc(**kwargs)
        return decorator

    def _store_endpoint_docs(self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method, docs in self._docs[endpoint].items():
            if method == "parameters":
                continue
            handler = getattr(obj, method, obj)
            docs["roles"] = getattr(handler, "roles", frozenset())
            docs["versioned"] = getattr(handler, "versioned", False)
            docs["repeatable"] = method == "post" and getattr(obj, "repeatable", False)


def _document_common(doc: dict[str, Any], info: dict[str, Any], **_: Any) -> dict[str, Any]:
    roles, versioned = info.pop("roles"), info.pop("versioned")
    # Which refusals there are is told from what an operation takes, in api/docs.py.
    responses = doc.setdefault("responses", {})
    for status in (422, "default"):
        responses.pop(status, None)
    responses["5XX"] = "DEFAULT_ERROR"
    parameters = doc.setdefault("parameters", [])
    if versioned:
        parameters.append(
            {
                "in": "header",
                "name": "If-Match",
                "description": "The visit's ETag: which version was read. Schedulers must send it.",
                "required": roles == {"scheduler"},
                "schema": {"type": "string"},
            }
        )
    if info.pop("repeatable") and roles != ANYONE:
        parameters.append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "description": "The same key and body: the same answer. A UUID is a good key.",
                "schema": {"type": "string", "pattern": "^[ -~]{1,100}$"},
            }
        )
    if roles == ANYONE:  # and not `is`: flask-smorest copies what it knows of a view
        doc["security"] = []
    else:
        words = ", ".join(sorted(roles))
        docstring = info["docstring"]
        docstring["description"] = f"{docstring.get('description', '')}\n\nRoles: {words}.".strip()
    return doc


class Resource(MethodView):
    """A resource. Every POST may be repeated with its Idempotency-Key, unless `repeatable` is False.

    Its answer is kept in the transaction of its change. Where a POST makes several changes, each for itself
    (`one_change` is False), they stand whatever becomes of the answer, and are harmless to repeat.
    """

    repeatable = True
    one_change = True

    def dispatch_request(self, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or not self.repeatable or "signed_in" not in g:
            return super().dispatch_request(**kwargs)
        together = database.transaction if self.one_change else nullcontext
        return _answer_once(key, lambda: super(Resource, self).dispatch_request(**kwargs), together)


def _answer_once(key: str, view: Any, together: Callable[[], AbstractContextManager[Any]]) -> Response:
    """Run the view and keep its answer `together`, or give the answer kept before."""
    if not 1 <= len(key) <= 100 or not key.isascii() or not key.isprintable():
        raise Unprocessable("Idempotency-Key", "Use 1 to 100 printable ASCII characters, such as a UUID.")
    scope = f"{g.signed_in.user_id} {request.method} {request.path} {key}"
    # A body may hold a password: the digest is keyed, so that nobody can guess it from the table.
    secret = current_app.extensions["digest_key"]
    said = request.get_data(cache=True) + b"\0" + request.headers.get("If-Match", "").encode()
    begun = idempotency.begin(
        hashlib.sha256(scope.encode()).hexdigest(),
        hmac.digest(secret, said, "sha256").hex(),
        clock.now(),
    )
    if isinstance(begun, idempotency.KeptAnswer):
        again = Response(begun.body, begun.status, orjson.loads(begun.headers or "{}"))
        again.headers["Idempotency-Replayed"] = "true"
        return again
    try:
        with together():
            answer = current_app.make_response(view())
            _keep(begun, answer)
        return answer
    except Exception as error:
        # The transaction is undone. What the client got wrong stays wrong, so its answer is kept too.
        refusal = current_app.make_response(current_app.handle_user_exception(error))
        if refusal.status_code >= 500 or refusal.status_code in (401, 429):
            idempotency.release(begun)
        elif not isinstance(error, KeyInUse):
            _keep(begun, refusal)
        return refusal


def _keep(attempt: idempotency.Attempt, answer: Response) -> None:
    headers = {
        name: answer.headers[name] for name in ("Content-Type", "ETag", "Location") if name in answer.headers
    }
    idempotency.keep(
        attempt, status=answer.status_code, headers=orjson.dumps(headers).decode(), body=answer.get_data()
    )


def versioned(view: View) -> View:
    """Mark a view that takes If-Match, for the document."""
    view.versioned = True  # type: ignore[attr-defined]
    return view


def check_version(version: int, *, required: bool = True) -> None:
    """Raises VersionRequired without If-Match, VersionConflict if it names another version."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        if required:
            raise VersionRequired("Read the visit first and send its ETag as If-Match.")
        return
    if given != "*" and f'"{version}"' not in [tag.strip() for tag in given.split(",")]:
        raise VersionConflict("Somebody changed it since you read it. Read it again, then repeat your change.")


def answer(body: Any, status: int = 200, *, version: int | None = None, location: str | None = None) -> Response:
    """A JSON answer. Times go out in UTC with Z."""
    made = Response(to_json(body), status, content_type="application/json")
    if version is not None:
        made.headers["ETag"] = f'"{version}"'
    if location is not None:
        made.headers["Location"] = location
    return made


def marshmallow_plugin() -> MarshmallowPlugin:
    """Names components after their schema: VisitOut, not Visit."""
    return MarshmallowPlugin(schema_name_resolver=_schema_name)


def _schema_name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__)
