"""People and visits for tests, each with one line."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from models import clock
from models.booking import book
from models.database import transaction
from models.officer import Employment, Officer
from models.resident import ContactBy, Resident
from models.visit import Visit


def officer(**changes: Any) -> Officer:
    """An employee; `company=` makes a contractor."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "staff_number": f"S{uuid4().hex[:8]}",
        "display_name": "Amina Yusuf",
        "job_title": "Housing officer",
        "employment": Employment.EMPLOYEE,
        "skills": [],
        "active": True,
        "created_at": clock.now(),
    }
    if "company" in changes:
        values |= {"employment": Employment.CONTRACTOR, "contract_ends_on": date(2030, 12, 31)}
    made = Officer(**values | changes)
    with transaction() as session:
        session.add(made)
    return made


def resident(**changes: Any) -> Resident:
    """A resident of Harrow who takes texts."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "name": "Asha Adeyemi",
        "phone": "+447700900123",
        "language": "en",
        "contact_by": ContactBy.TEXT,
        "line_1": "1 Demonstration House",
        "town": "Harrow",
        "postcode": "HA1 2RJ",
        "latitude": 51.58737,
        "longitude": -0.32932,
        "created_at": clock.now(),
    }
    made = Resident(**values | changes)
    with transaction() as session:
        session.add(made)
    return made


def visit(of: Resident, by: Officer | None, starts_at: datetime, **changes: Any) -> Visit:
    """A booked visit of half an hour, entered by nobody in particular; `together_with=` another officer."""
    second: Officer | None = changes.pop("together_with", None)
    with transaction() as session:
        return book(
            session,
            resident=of,
            officer_id=by.id if by else None,
            second_officer_id=second.id if second else None,
            purpose="Repair inspection",
            visit_type=changes.pop("visit_type", None),
            skills=[],
            starts_at=starts_at,
            duration=timedelta(minutes=changes.pop("minutes", 30)),
            reason=changes.pop("reason", None),
            by=changes.pop("booked_by", None),
            overrides=changes.pop("overrides", {}),
            at=changes.pop("at", None) or clock.now(),
        )


def booking(resident: Resident, officer: Officer | None, starts_at: datetime, **changes: Any) -> dict[str, Any]:
    """The body of POST /v1/visits."""
    return {
        "resident_id": str(resident.id),
        "officer_id": str(officer.id) if officer else None,
        "purpose": "Repair inspection",
        "starts_at": starts_at.isoformat(),
        "duration_minutes": 30,
    } | changes


def client_id() -> str:
    """A UUID as a phone makes one."""
    return str(uuid4())


NOBODY = UUID(int=0)
