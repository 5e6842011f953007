"""What people do through the API, each in one line, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests import factories

MONDAY_9 = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""The time the stopped clock shows at first."""
WEDNESDAY_10 = datetime(2026, 11, 25, 10, tzinfo=UTC)
"""The start of the visit of the worked rows."""


def book(scheduler: Any, resident: Any, officer: Any, starts_at: datetime = WEDNESDAY_10, **changes: Any) -> Any:
    """Book a visit; the visit as answered."""
    made = scheduler.post("/v1/visits", factories.booking(resident, officer, starts_at, **changes))
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.json


def path(visit: Any, step: str = "") -> str:
    """The address of a visit or of one of its steps."""
    return f"/v1/visits/{visit['id']}" + (f"/{step}" if step else "")


def see(client: Any, visit: Any) -> Any:
    """The visit as it is now."""
    seen = client.get(path(visit))
    assert seen.status_code == 200, seen.get_data(as_text=True)
    return seen.json


def etag(scheduler: Any, visit: Any) -> str:
    """The visit's ETag now."""
    return str(scheduler.get(path(visit)).headers["ETag"])


def move(scheduler: Any, visit: Any, starts_at: datetime, /, **changes: Any) -> Any:
    """Move a visit, from its newest version; the response."""
    body = {"starts_at": starts_at.isoformat(), "reason": "Officer ill", "requested_by": "council"} | changes
    return scheduler.post(path(visit, "moves"), body, If_Match=etag(scheduler, visit))


def cancel(scheduler: Any, visit: Any, **changes: Any) -> Any:
    """Cancel a visit, from its newest version; the response."""
    body = {"reason": "Boiler already mended", "requested_by": "council"} | changes
    return scheduler.post(path(visit, "cancellation"), body, If_Match=etag(scheduler, visit))


def depart(phone: Any, visit: Any, **changes: Any) -> Any:
    """Say that the officer is on the way; the response."""
    return phone.post(path(visit, "departure"), {"client_id": factories.client_id()} | changes)


def delay(phone: Any, visit: Any, expected_at: datetime, /, **changes: Any) -> Any:
    """Say that the officer will be late; the response."""
    body = {"client_id": factories.client_id(), "expected_at": expected_at.isoformat()} | changes
    return phone.post(path(visit, "delays"), body)


def arrive(phone: Any, visit: Any, arrived_at: datetime, /, **changes: Any) -> Any:
    """Say that the officer is at the door; the response."""
    body = {"client_id": factories.client_id(), "arrived_at": arrived_at.isoformat()} | changes
    return phone.post(path(visit, "arrivals"), body)


def finish(phone: Any, visit: Any, finished_at: datetime, /, **changes: Any) -> Any:
    """Say how the visit ended; the response."""
    body = {"client_id": factories.client_id(), "outcome": "completed", "finished_at": finished_at.isoformat()}
    return phone.post(path(visit, "outcome"), body | changes)


def problem(response: Any, status: int, slug: str | None = None) -> Any:
    """See that an answer is this problem, complete; its document."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    document = response.json
    assert document["status"] == status
    assert document["title"] and document["detail"] and document["type"]
    if slug is not None:
        assert document["type"].endswith(slug), document
    return document


def later(start: datetime, **amount: float) -> datetime:
    """A time so much after another."""
    return start + timedelta(**amount)


def instant(text: str) -> datetime:
    """A time as answered, which is always in UTC."""
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text)
