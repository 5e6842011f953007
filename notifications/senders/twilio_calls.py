"""Spoken calls by Twilio voice: what is said twice to whoever answers, and again to who presses 1."""

from datetime import datetime
from typing import Any

from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from notifications.senders.outcomes import (
    Accepted,
    LookUpOutcome,
    Missing,
    Outgoing,
    SendOutcome,
    Sought,
    Unclear,
)
from notifications.senders.twilio_http import (
    PAGE_SIZE,
    PooledHttpClient,
    attempt,
    attempt_look_up,
    aware,
    callback_url,
)
from notifications.spoken import SPEECHES, TIMES_SAID
from notifications.texts import in_language

RING_S = 30
LONGEST_CALL_S = 300
ANSWER_TO_A_KEY_S = 8

VOICEMAIL = "voicemail"
"""Our word for a call that a machine took: it "does not" count as told."""


class TwilioCallSender:
    """One Twilio account, calling from a number."""

    name = "twilio-voice"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_base_url: str,
        from_number: str,
        api_base: str | None = None,
        in_flight: int = 4,
    ) -> None:
        self._public_base_url = public_base_url.rstrip("/")
        self._from = from_number
        self._http = PooledHttpClient(api_base=api_base, pool_size=in_flight)
        self._calls = Client(account_sid, auth_token, http_client=self._http).calls

    def send(self, message: Outgoing) -> SendOutcome:
        """Place one call. The words go along, so that they are said even if we cannot be asked for them.

        Twilio listens who answers before it speaks: a voicemail is hung up on by its own end, and not counted.
        """
        return attempt(lambda: self._create(message))

    def _create(self, message: Outgoing) -> Accepted | Unclear:
        again = callback_url(self._public_base_url, message.message_id, to="call")
        created = self._calls.create(
            to=message.to,
            from_=self._from,
            twiml=say(message.body, message.language, again),
            status_callback=callback_url(self._public_base_url, message.message_id),
            status_callback_event=["completed"],
            machine_detection="Enable",
            timeout=RING_S,
            time_limit=LONGEST_CALL_S,
        )
        return _accepted(created) if created.sid else Unclear("no-id")

    def find(self, sought: Sought) -> LookUpOutcome:
        """The newest call to this number since then that is none of the others we know of."""
        return attempt_look_up(lambda: self._search(sought))

    def _search(self, sought: Sought) -> Accepted | Missing:
        for call in self._calls.stream(to=sought.to, page_size=PAGE_SIZE):
            created_at = aware(call.date_created)
            if created_at is not None and created_at < sought.since:
                break
            if call.sid not in sought.others:
                return _accepted(call, created_at)
        return Missing()

    def ask(self, carrier_id: str) -> LookUpOutcome:
        """Read the call again."""
        return attempt_look_up(lambda: _accepted(self._calls(carrier_id).fetch()))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def say(words: str, language: str, again_url: str) -> str:
    """The call's TwiML: "said twice, 'press 1 to hear it again'"."""
    response = VoiceResponse()
    gather = Gather(num_digits=1, action=again_url, method="POST", timeout=ANSWER_TO_A_KEY_S)
    of = in_language(SPEECHES, language)
    for _ in range(TIMES_SAID):
        gather.say(words, language=of.voice)
        gather.pause(length=1)
    gather.say(of.say_again, language=of.voice)
    response.append(gather)
    return str(response)


def what_became(status: str | None, answered_by: str | None) -> tuple[str, str | None]:
    """A call's progress in the words of `receipts`, with a code for a failure.

    "An answered call counts as told; voicemail does not." Of a call that ended Twilio may say that it could not
    tell who answered ("unknown"): that is taken for one that nobody heard. Only if it says nothing at all of who
    answered, a call that was answered counts.
    """
    if status == "completed":
        if answered_by is None or answered_by == "human":
            return "delivered", None
        return "undelivered", VOICEMAIL if answered_by.startswith("machine") else answered_by
    if status in ("busy", "no-answer"):
        return "undelivered", status
    if status in ("failed", "canceled"):
        return "failed", status
    return "queued", None


def _accepted(call: Any, accepted_at: datetime | None = None) -> Accepted:
    return Accepted(call.sid, *what_became(call.status, call.answered_by), accepted_at)
