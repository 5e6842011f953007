"""Pages for residents: how each is dressed, and what stands in for an error."""

from flask import Response, render_template, request

from api import current

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

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


def private(response: Response) -> Response:
    """An answer about a badge is in no search engine, and no cache mixes up its two forms."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Vary"] = "Accept"
    return response


def a_resident_asks() -> bool:
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
    """What a resident sees who followed a wrong link, or when something of ours is down."""
    if status >= 500:
        return page("badge.html", status=status, check={"state": "unavailable"})
    return page("error.html", status=status)
