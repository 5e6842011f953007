"""JSON by orjson: fast, and strict about what it reads."""

from typing import Any

import orjson
from flask.json.provider import JSONProvider


def to_json(body: Any) -> bytes:
    """An answer's body. Times go out in UTC with Z."""
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


class OrjsonProvider(JSONProvider):
    """Flask's way to JSON. Times go out in UTC with Z."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """An object as JSON text."""
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """JSON text as an object."""
        return orjson.loads(s)
