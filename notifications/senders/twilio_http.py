"""What texts and calls by Twilio share: its client's requests over one pool, and what each answer means.

Twilio has no idempotency on create: "a 429 is safe to repeat, a time-out or 5xx is not." So each answer
is sorted into what is certain and what is not.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar
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
from urllib3.exceptions import NewConnectionError

from models import clock
from notifications.ladder import STOPPED
from notifications.senders.outcomes import Later, Paused, Refused, Unclear

TIMEOUT_S = 10
DEFAULT_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)
PAGE_SIZE = 50

ACCOUNT_ERRORS = frozenset(
    {
        "20003",  # authentication failed
        "20005",  # the account is not active
        "21210",  # our own number may not make calls
        "21212",  # our own number is not valid
        "21215",  # calls to this country are not permitted to the account
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
            raise TooManyRequestsError(_retry_after(answer.headers.get("Retry-After"), clock.now()))
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        if self._api_base is None:
            return uri
        return urlunsplit(urlsplit(uri)._replace(scheme=self._api_base.scheme, netloc=self._api_base.netloc))

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


Answer = TypeVar("Answer")


def attempt(request: Callable[[], Answer]) -> Answer | Refused | Later | Unclear | Paused:
    """Make one request of Twilio's client; what it raises becomes what it means for the message."""
    try:
        return request()
    except (TwilioRestException, TwilioServiceException) as error:
        return _sorted(error.status, str(error.code))
    except TooManyRequestsError as busy:
        return Later(busy.wait)
    except (requests.RequestException, TwilioException, ValueError) as error:
        return _network(error)


def attempt_look_up(request: Callable[[], Answer]) -> Answer | Later | Unclear | Paused:
    """The same for a question, whose refusal says nothing of the message."""
    answer = attempt(request)
    return Unclear(answer.error_code) if isinstance(answer, Refused) else answer


def callback_url(public_base_url: str, message_id: UUID, *, to: str = "status") -> str:
    """Where Twilio reports: "the row's id travels in the status callback URL"."""
    return f"{public_base_url}/callbacks/twilio/{to}?message={message_id}"


def _sorted(status: int, code: str) -> Refused | Paused | Unclear:
    """What an error answer means for the text. Only a 4xx says for certain that it did not go."""
    if not 400 <= status < 500 or status == 408:
        return Unclear(f"http-{status}")
    # A 404 is the account's own address: a wrong account id.
    if code in ACCOUNT_ERRORS or status in (401, 403, 404):
        return Paused(code)
    return Refused(code, stopped=code == STOPPED)


def _network(error: Exception) -> Later | Unclear:
    """A connection never made carried nothing; with anything else the text may have arrived."""
    unmade = isinstance(error, requests.ConnectTimeout)
    if isinstance(error, requests.ConnectionError) and error.args:
        unmade = unmade or isinstance(getattr(error.args[0], "reason", None), NewConnectionError)
    return Later(DEFAULT_WAIT) if unmade else Unclear(type(error).__name__)


def _retry_after(header: str | None, at: datetime) -> timedelta:
    """How long to wait by Retry-After, which gives seconds or a date; nonsense gets the usual wait."""
    if header is None:
        return DEFAULT_WAIT
    if header.strip().isdecimal():
        wait = timedelta(seconds=int(header.strip()[:9]))
    else:
        try:
            until = aware(parsedate_to_datetime(header))
        except (ValueError, OverflowError):
            return DEFAULT_WAIT
        wait = max(until - at, timedelta(0)) if until else DEFAULT_WAIT
    return min(wait, LONGEST_WAIT)


def code_of(code: int | None) -> str | None:
    """An error code of Twilio's as we keep it: None for none."""
    return None if code is None else str(code)


def aware(at: datetime | None) -> datetime | None:
    """A time of Twilio's, which is UTC whether it says so or not."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
