"""Texts by Twilio, through its own client.

Twilio has no idempotency on create: "a 429 is safe to repeat, a time-out or 5xx is not." So each answer
is sorted into what is certain and what is not, and the list can be asked for a text by the reference
printed in it.
"""

import logging
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import (  # type: ignore[import-untyped]
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http import HttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import NewConnectionError

from notifications.senders.outcomes import (
    Accepted,
    Later,
    LookUpOutcome,
    Missing,
    Outgoing,
    Paused,
    Refused,
    SendOutcome,
    Unclear,
)

TIMEOUT_S = 10
LONGEST_VALIDITY_S = 36_000
DEFAULT_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)
PAGE_SIZE = 50

STOPPED = frozenset({"21610"})
"""The resident has said STOP to this number of ours."""

ACCOUNT_ERRORS = frozenset(
    {
        "20003",  # authentication failed
        "20005",  # the account is not active
        "21212",  # our own number is not valid
        "21408",  # texts to this country are not permitted to the account
        "21603",  # no number to send from
        "21606",  # our own number cannot send texts
        "21659",  # our own number is not Twilio's
        "21660",  # our own number belongs to another account
        "21703",  # the messaging service has no senders
    }
)

# At DEBUG urllib3 writes whole addresses, and a look-up's address holds a resident's number.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class TooManyRequestsError(Exception):
    """Twilio answered 429, which its client would turn into an error without the Retry-After header."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("429")
        self.wait = wait


class PooledHttpClient(HttpClient):  # type: ignore[misc]
    """Twilio's requests over one pool of connections, each with a time-out; nothing is retried or logged
    here.

    Twilio's own client has no time-out and cannot be pointed at a loopback stand-in: `api_base` can.
    """

    def __init__(self, *, api_base: str | None, pool_size: int) -> None:
        super().__init__(logging.getLogger(__name__), False, TIMEOUT_S)
        self._api_base = urlsplit(api_base) if api_base else None
        self._session = requests.Session()
        # A stand-in on loopback is never behind the machine's proxy.
        self._session.trust_env = api_base is None
        # Threads share the session; cookies would be its only shared state.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request. Raises requests' exceptions, and TooManyRequestsError for a 429."""
        answer = self._session.request(
            method.upper(),
            self._address(uri),
            params=params,  # type: ignore[arg-type]
            data=data,
            headers=headers,
            auth=auth,
            timeout=timeout or TIMEOUT_S,
            allow_redirects=allow_redirects,
        )
        if answer.status_code == 429:
            raise TooManyRequestsError(_retry_after(answer.headers.get("Retry-After")))
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        if self._api_base is None:
            return uri
        return urlunsplit(urlsplit(uri)._replace(scheme=self._api_base.scheme, netloc=self._api_base.netloc))

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


class TwilioSender:
    """One Twilio account, sending from a number or a messaging service."""

    name = "twilio"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_base_url: str,
        from_number: str | None = None,
        messaging_service_sid: str | None = None,
        api_base: str | None = None,
        in_flight: int = 16,
    ) -> None:
        self._public_base_url = public_base_url.rstrip("/")
        self._http = PooledHttpClient(api_base=api_base, pool_size=in_flight)
        self._messages = Client(account_sid, auth_token, http_client=self._http).messages
        self._origin: dict[str, Any] = (
            {"messaging_service_sid": messaging_service_sid} if messaging_service_sid else {"from_": from_number}
        )

    def send(self, text: Outgoing) -> SendOutcome:
        """Create one message. Its expiry goes along as Twilio's validity period, 1 to 36,000 seconds."""
        validity = int(text.valid_for.total_seconds())
        try:
            created = self._messages.create(
                to=text.to,
                body=text.body,
                status_callback=self.callback_url(text.message_id),
                validity_period=max(1, min(validity, LONGEST_VALIDITY_S)),
                **self._origin,
            )
        except (TwilioRestException, TwilioServiceException) as error:
            return _sorted(error.status, str(error.code))
        except TooManyRequestsError as busy:
            return Later(busy.wait)
        except (requests.RequestException, TwilioException, ValueError) as error:
            return _network(error)
        if not created.sid:
            return Unclear("no-id")
        return Accepted(created.sid, created.status or "queued", _code(created.error_code))

    def find(self, reference: str, to: str, since: datetime) -> LookUpOutcome:
        """Page through the messages to this number, newest first, until one is older than `since`.

        The list is not asked for a date sent: a text Twilio has accepted and not yet sent has none, and
        would be missed, and sent twice.
        """
        try:
            for message in self._messages.stream(to=to, page_size=PAGE_SIZE):
                created_at = _aware(message.date_created)
                if message.body and reference in message.body:
                    status = message.status or "queued"
                    return Accepted(message.sid, status, _code(message.error_code), created_at)
                if created_at is not None and created_at < since:
                    break
        except (TwilioRestException, TwilioServiceException) as error:
            outcome = _sorted(error.status, str(error.code))
            return Unclear(outcome.error_code) if isinstance(outcome, Refused) else outcome
        except TooManyRequestsError as busy:
            return Later(busy.wait)
        except (requests.RequestException, TwilioException, ValueError) as error:
            return _network(error)
        return Missing()

    def callback_url(self, message_id: UUID) -> str:
        """Where receipts come: "the row's id travels in the status callback URL"."""
        return f"{self._public_base_url}/callbacks/twilio/status?message={message_id}"

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def _sorted(status: int, code: str) -> SendOutcome:
    """What an error answer means for the text. Only a 4xx says for certain that it did not go."""
    if not 400 <= status < 500 or status == 408:
        return Unclear(f"http-{status}")
    # A 404 is the account's own address: a wrong account id.
    if code in ACCOUNT_ERRORS or status in (401, 403, 404):
        return Paused(code)
    return Refused(code, stopped=code in STOPPED)


def _network(error: Exception) -> Later | Unclear:
    """A connection never made carried nothing; with anything else the text may have arrived."""
    unmade = isinstance(error, requests.ConnectTimeout)
    if isinstance(error, requests.ConnectionError) and error.args:
        unmade = unmade or isinstance(getattr(error.args[0], "reason", None), NewConnectionError)
    return Later(DEFAULT_WAIT) if unmade else Unclear(type(error).__name__)


def _retry_after(header: str | None) -> timedelta:
    """Retry-After in seconds; its other form, a date, and nonsense get the usual wait."""
    if header is None or not header.strip().isdecimal():
        return DEFAULT_WAIT
    return min(timedelta(seconds=int(header[:9])), LONGEST_WAIT)


def _code(code: int | None) -> str | None:
    return None if code is None else str(code)


def _aware(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
