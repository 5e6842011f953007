"""Pages for residents and for staff: how each is dressed, and what stands in for an error."""

from flask import Response, render_template, request

from api import current

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

STAFF_CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

AGAIN_S = 15
"""So long a page of staff waits before it tries again by itself."""

_FOR_PROGRAMS = ("/v1/", "/callbacks/", "/.well-known/")
_FOR_RESIDENTS = ("/b/", "/v/")


def page(template: str, *, status: int = 200, **context: object) -> Response:
    """A page for residents: no script, nothing from elsewhere, nothing kept."""
    return dressed(render(template, **context), status)


def render(template: str, **context: object) -> bytes:
    """A page's bytes. Every page names the council and its number."""
    settings = current.settings()
    return render_template(
        template, council_name=settings.council_name, council_phone=settings.council_phone, **context
    ).encode()


def dressed(html: bytes, status: int = 200) -> Response:
    """A page with the headers of every page."""
    made = Response(html, status, content_type="text/html; charset=utf-8")
    made.headers["Content-Security-Policy"] = CSP
    return private(made)


def staff_page(template: str, status: int = 200, **context: object) -> Response:
    """A page of staff, which may use our own script."""
    settings = current.settings()
    html = render_template(template, council_name=settings.council_name, **context)
    made = Response(html, status, content_type="text/html; charset=utf-8")
    made.headers["Content-Security-Policy"] = STAFF_CSP
    # A browser that does not say whether a form is our own says at least which site it is of, unless told not to.
    made.headers["Referrer-Policy"] = "same-origin"
    return private(made)


def private(response: Response) -> Response:
    """An answer about a badge is in no search engine, and no cache mixes up its two forms."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Vary"] = "Accept"
    return response


def a_browser_asks() -> bool:
    """Whether the answer is to be a page.

    At a resident's pages that is so unless JSON is asked for; elsewhere only if a page is asked for by name, as
    browsers do; and the API never answers with one.
    """
    if request.path.startswith(_FOR_PROGRAMS):
        return False
    kinds = ["application/json", "text/html"]
    if request.path in ("/b", "/concern", "/standards") or request.path.startswith(_FOR_RESIDENTS):
        kinds.reverse()
    return request.accept_mimetypes.best_match(kinds, default=kinds[0]) == "text/html"


def error_page(status: int) -> Response:
    """What somebody sees who followed a wrong link, or when something of ours is down: a resident may be at the
    door with it, and staff are not."""
    if f"{request.path}/".startswith("/staff/"):
        # A form is not sent again: its answer leads back to the board.
        again = None if request.method == "GET" else "/staff"
        return staff_page("staff_error.html", status, down=status >= 500, again=again, again_s=AGAIN_S)
    if status >= 500:
        return page("badge.html", status=status, check={"state": "unavailable"})
    return page("error.html", status=status)
