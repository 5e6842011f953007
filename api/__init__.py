"""The web application: the map of all that is served."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import (
    absences,
    alerts,
    assignments,
    auth,
    badge_checks,
    badges,
    board,
    callbacks,
    cards,
    changes_together,
    cli,
    concern,
    contact_tasks,
    corrections,
    development,
    disputes,
    docs,
    door,
    door_questions,
    errors,
    feedback,
    headers,
    health,
    holds,
    incidents,
    live_codes,
    logs,
    me,
    metrics,
    missed_standards,
    no_access,
    officers,
    outlook,
    photos,
    reports,
    residents,
    risks,
    scans,
    secret_keys,
    slots,
    staff,
    standards,
    sync,
    tokens,
    users,
    visit_changes,
    visit_events,
    visit_messages,
    visit_page,
    visit_words,
    visits,
    well_known,
    working_hours,
)
from api.blueprint import Api, marshmallow_plugin
from api.config import Settings
from api.json import OrjsonProvider
from api.quick_checks import QuickChecks
from api.scan_log import ScanLog
from models import clock, database, travel
from models.visit_link import VisitLinks
from routing.table import RoadTable, router_from

DESCRIPTION = """\
Home visits: booked, kept to the time that was promised, with clear proof of who is at the door.

Sign in at `POST /v1/tokens` and send the access token as `Authorization: Bearer …`. Times are RFC 3339 with an
offset. Errors are problem details (RFC 9457): `detail` says what to do. Lists are read page by page with
`next_cursor`. A POST may be repeated safely with its `Idempotency-Key`.
"""


def create_app(settings: Settings | None = None) -> Flask:
    """The application, ready to serve. Raises BadSetting or KeysUnusable rather than start half-configured."""
    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.config.update(
        SETTINGS=settings,
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        API_TITLE="Home visits",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
    )
    app.json = OrjsonProvider(app)
    app.url_map.strict_slashes = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.wsgi_app = QuickChecks(app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies)  # type: ignore[method-assign]

    logs.configure(settings.log_level)
    database.connect(settings.database_url)
    travel.use(settings.travel)
    keys = secret_keys.load(settings, clock.now())
    app.extensions.update(
        access_tokens=auth.AccessTokens(keys.access_tokens, issuer=settings.public_base_url),
        digest_key=keys.digests,
        photo_links=keys.photo_links,
        visit_links=VisitLinks(keys.visit_links, settings.public_base_url),
        visit_words=keys.visit_words,
        door_tickets=keys.door_tickets,
        keyring=keys.badges,
        road_table=RoadTable(
            router_from(settings.router, settings.router_url), within_s=settings.router_timeout_ms / 1000
        ),
        scan_log=ScanLog(scans.chain_key(keys.digests)),
    )

    logs.register(app)
    auth.register(app)
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": DESCRIPTION},
            "marshmallow_plugin": marshmallow_plugin(),
            "security": [{"bearer": []}],
        },
    )
    errors.register(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for resource in (
        tokens,
        users,
        officers,
        working_hours,
        absences,
        risks,
        outlook,
        residents,
        visits,
        visit_changes,
        assignments,
        corrections,
        changes_together,
        visit_events,
        no_access,
        visit_messages,
        visit_words,
        me,
        sync,
        scans,
        slots,
        holds,
        badges,
        well_known,
        live_codes,
        badge_checks,
        cards,
        photos,
        contact_tasks,
        disputes,
        feedback,
        incidents,
        alerts,
        missed_standards,
        reports,
        callbacks,
        health,
        metrics,
    ):
        api.register_blueprint(resource.blp)
    # Styles and icons of the pages, for everybody who sees a page.
    auth.anyone(app.view_functions["static"])
    docs.register(app, api)
    door.register(app)
    concern.register(app)
    visit_page.register(app)
    door_questions.register(app)
    standards.register(app)
    staff.register(app)
    board.register(app)
    development.register(app)
    cli.register(app)
    app.after_request(headers.secure)
    return app
