"""Every table of the product, known to its metadata by being imported here."""

from models import (  # noqa: F401
    absence,
    badge,
    badge_check,
    bundle,
    card,
    contact_task,
    diary_change,
    due,
    hold,
    idempotency,
    incident,
    live_code,
    message,
    message_event,
    number,
    officer,
    postcode,
    promise,
    reply,
    resident,
    scan,
    sender_state,
    showing,
    tally,
    user,
    visit,
    visit_answer,
    visit_event,
    visit_facts,
    working_hours,
)
from models.database import Base

metadata = Base.metadata
