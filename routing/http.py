"""Asking a routing server: one request with an end in time and in size, and what becomes of a bad answer."""

import logging
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

LARGEST_ANSWER = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_POOL = 8

# At DEBUG urllib3 writes whole addresses, and OSRM's hold where residents live.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class RouterDown(Exception):
    """No answer, none in time, or none that a routing server gives: it need not be asked again at once.

    What the HTTP library says of it is left out: the address in it holds where residents live.
    """


class RouterRefused(Exception):
    """The server is well, and did not like this question: another may do better."""


class RouterClient:
    """The requests to one routing server, over one pool of connections."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        # Where residents live is told to this server alone: to no proxy, and to nobody it points at.
        self._session.trust_env = False
        # As it is sent, so that an answer is as long as it says.
        self._session.headers["Accept-Encoding"] = "identity"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def ask(self, method: str, path: str, *, body: Any = None, within_s: float) -> dict[str, Any]:
        """The JSON object that the server answers. Raises RouterDown or RouterRefused."""
        ends = time.monotonic() + within_s
        try:
            with self._session.request(
                method, self._base + path, json=body, timeout=within_s, stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code == 400:
                    raise RouterRefused("status 400")
                if answer.status_code != 200:
                    raise RouterDown(f"status {answer.status_code}")
                found = orjson.loads(_read(answer, ends))
        except (requests.RequestException, HTTPError) as error:
            raise RouterDown(type(error).__name__) from None
        except orjson.JSONDecodeError:
            raise RouterDown("not JSON") from None
        if not isinstance(found, dict):
            raise RouterDown("not an object")
        return found


def _read(answer: requests.Response, ends: float) -> bytes:
    """The body, unless it is too long or drips in for longer than we wait."""
    read = bytearray()
    while chunk := answer.raw.read1(_CHUNK):
        read += chunk
        if len(read) > LARGEST_ANSWER:
            raise RouterDown("too long")
        if time.monotonic() > ends:
            raise RouterDown("too slow")
    return bytes(read)
