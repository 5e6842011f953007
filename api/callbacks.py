"""What the carrier tells us: receipts, a key pressed in a call, and residents' texts. Its signature is checked."""

import re
from uuid import UUID

from flask import Response, request
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

from api import current
from api.auth import anyone
from api.blueprint import Blueprint, Resource
from api.errors import problem
from models import clock
from models.database import transaction
from models.message import Channel, Message
from notifications.receipts import it_was_answered, take_receipt, valid_twilio_signature
from notifications.replies import LONGEST, record_reply
from notifications.senders.twilio_calls import say, what_became
from notifications.senders.twilio_http import callback_url
from notifications.texts import Council

blp = Blueprint("callbacks", __name__, url_prefix="/callbacks/twilio", description="For the carrier")

_SID = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{1,62}")
_ERROR_CODE = re.compile(r"[0-9]{0,10}")
_ANSWERED_BY = re.compile(r"[a-z_]{0,40}")
_SENDER = re.compile(r"\+?[0-9]{3,15}")
_TWIML = "application/xml"


@blp.route("/status")
class Status(Resource):
    repeatable = False

    @anyone
    @blp.response(204)
    def post(self) -> Response:
        """A delivery receipt of a text, or what became of a call

        Receipts come in any order and more than once. `message` in the address is our message's id.
        """
        if (refusal := refuse_unless_signed()) is not None:
            return refusal
        message_id = _message_id()
        if message_id is None:
            return _names_no_message()
        if "CallSid" in request.form:
            sid, answered_by = request.form["CallSid"], request.form.get("AnsweredBy", "")
            if not _ANSWERED_BY.fullmatch(answered_by):
                return _not_a_form_of_the_carriers()
            status, error_code = what_became(request.form.get("CallStatus"), answered_by or None)
        else:
            sid, status = request.form.get("MessageSid", ""), request.form.get("MessageStatus", "")
            error_code = request.form.get("ErrorCode", "") or None
            if error_code is not None and not _ERROR_CODE.fullmatch(error_code):
                return _not_a_form_of_the_carriers()
        if not _SID.fullmatch(sid):
            return _not_a_form_of_the_carriers()
        take_receipt(message_id, sid=sid, status=status, error_code=error_code, at=clock.now())
        return Response(status=204)


@blp.route("/call")
class Call(Resource):
    repeatable = False

    @anyone
    @blp.response(200, {"type": "string"}, content_type=_TWIML)
    def post(self) -> Response:
        """A key was pressed in a call

        Somebody listens, so they have been told. On 1 the words are said again. `message` in the address is our
        message's id.
        """
        if (refusal := refuse_unless_signed()) is not None:
            return refusal
        message_id = _message_id()
        if message_id is None:
            return _names_no_message()
        with transaction() as session:
            message = session.get(Message, message_id)
            if message is None or message.channel is not Channel.CALL or message.body is None:
                return _names_no_message()
            it_was_answered(session, message_id, clock.now())
            words, language = message.body, message.language
        if request.form.get("Digits") != "1":
            return Response(str(VoiceResponse()), content_type=_TWIML)
        again = callback_url(current.settings().public_base_url, message_id, to="call")
        return Response(say(words, language, again), content_type=_TWIML)


@blp.route("/inbound")
class Inbound(Resource):
    repeatable = False

    @anyone
    @blp.response(200, {"type": "string"}, content_type=_TWIML)
    def post(self) -> Response:
        """A text from a resident

        STOP and START are heeded, YES confirms the visit, CHANGE or other words open a contact task that holds
        them. The answer is TwiML.
        """
        if (refusal := refuse_unless_signed()) is not None:
            return refusal
        sid, sender = request.form.get("MessageSid", ""), request.form.get("From", "")
        body, did = request.form.get("Body", ""), request.form.get("OptOutType", "").lower()
        if not _SID.fullmatch(sid) or not _SENDER.fullmatch(sender):
            return _not_a_form_of_the_carriers()
        settings = current.settings()
        with transaction() as session:
            answer = record_reply(
                session,
                carrier_id=sid,
                from_number=sender,
                body=body.replace("\0", "")[:LONGEST],
                carrier_did=did if did in ("stop", "start", "help") else None,
                council=Council(settings.council_name, settings.council_phone),
                at=clock.now(),
            )
        response = MessagingResponse()
        if answer is not None:
            response.message(answer)
        return Response(str(response), content_type=_TWIML)


def _message_id() -> UUID | None:
    try:
        return UUID(request.args.get("message", ""))
    except ValueError:
        return None


def _names_no_message() -> Response:
    return problem(422, "The address names no message.", slug="not-valid")


def _not_a_form_of_the_carriers() -> Response:
    return problem(422, "The form is not one of the carrier's.", slug="not-valid")


def refuse_unless_signed() -> Response | None:
    """A 403 unless Twilio signed this request. The address it signed is built from PUBLIC_BASE_URL: behind a
    proxy the one we see is another."""
    settings = current.settings()
    url = settings.public_base_url + request.path
    if request.query_string:
        url += "?" + request.query_string.decode("latin-1")
    signature = request.headers.get("X-Twilio-Signature", "")
    token = settings.twilio_auth_token
    if not token or not valid_twilio_signature(token, url, request.form, signature):
        return problem(403, "This request is not signed by our carrier.")
    return None
