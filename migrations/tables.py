"""Every table of the product, known to its metadata by being imported here."""

from models import (  # noqa: F401
    badge,
    card,
    contact_task,
    idempotency,
    message,
    message_event,
    number,
    officer,
    promise,
    reply,
    resident,
    sender_state,
    tally,
    user,
    visit,
    visit_event,
)
from models.database import Base

metadata = Base.metadata
