"""What every answer says to a browser."""

from flask import Response

_SECURE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


def secure(response: Response) -> Response:
    """Say it in this answer; a page may have said something stricter."""
    said = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - keys may repeat
    for name, value in _SECURE:
        if name.lower() not in said:
            response.headers.add(name, value)
    return response
