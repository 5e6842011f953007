"""What the carrier tells us: delivery receipts, with Twilio's signature checked."""

import re
from uuid import UUID

from flask import Response, current_app, request

from api.auth import anyone
from api.blueprint import Blueprint, Resource
from api.config import Settings
from api.errors import problem
from models import clock
from models.database import transaction
from notifications.receipts import record_receipt, valid_twilio_signature

blp = Blueprint("callbacks", __name__, url_prefix="/callbacks/twilio", description="For the carrier")

_SID = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{1,62}")
_ERROR_CODE = re.compile(r"[0-9]{0,10}")


@blp.route("/status")
class Status(Resource):
    repeatable = False

    @anyone
    @blp.response(204)
    def post(self) -> Response:
        """A delivery receipt

        Receipts come in any order and more than once. `message` in the address is our message's id.
        """
        if (refusal := refuse_unless_signed()) is not None:
            return refusal
        try:
            message_id = UUID(request.args.get("message", ""))
        except ValueError:
            return problem(422, "The address names no message.", slug="not-valid")
        sid, error_code = request.form.get("MessageSid", ""), request.form.get("ErrorCode", "")
        if not _SID.fullmatch(sid) or not _ERROR_CODE.fullmatch(error_code):
            return problem(422, "The form is not one of the carrier's receipts.", slug="not-valid")
        with transaction() as session:
            record_receipt(
                session,
                message_id,
                sid=sid,
                status=request.form.get("MessageStatus", ""),
                error_code=error_code or None,
                at=clock.now(),
            )
        return Response(status=204)


def refuse_unless_signed() -> Response | None:
    """A 403 unless Twilio signed this request. The address it signed is built from PUBLIC_BASE_URL: behind a
    proxy the one we see is another."""
    settings: Settings = current_app.config["SETTINGS"]
    url = settings.public_base_url + request.path
    if request.query_string:
        url += "?" + request.query_string.decode("latin-1")
    signature = request.headers.get("X-Twilio-Signature", "")
    token = settings.twilio_auth_token
    if not token or not valid_twilio_signature(token, url, request.form, signature):
        return problem(403, "This request is not signed by our carrier.")
    return None
