"""Demonstration data: 12 officers, 40 residents, a year of visits and the days to come, for a newcomer to try.

Everybody here is invented, with telephone numbers that Ofcom keeps for drama. The postcodes are real, in the
London Borough of Harrow; their places come from the table that the product ships (`models/postcodes/README.md`).
"""

import io
import random
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

from PIL import Image, ImageDraw
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api import demonstration_year
from models import booking, photo
from models.absence import enter
from models.clock import LONDON
from models.database import transaction
from models.errors import BookingRules, DiaryClash
from models.officer import Employment, Officer, OfficerPhoto, PhotoStatus
from models.postcode import find_place
from models.resident import ContactBy, Resident
from models.user import Role, User
from models.visit import Outcome, Visit
from models.visit_rows import find
from models.wall_clock import instant
from models.working_time import AbsenceKind, LunchBreak, Window, WorkingPattern
from notifications import outbox

PASSWORD = "harrow-demo-2026"  # noqa: S105
"""Of every demonstration account. Only a development server makes them."""

ACCOUNTS = (
    ("admin", Role.ADMIN),
    ("second-admin", Role.ADMIN),
    ("scheduler", Role.SCHEDULER),
    ("officer", Role.OFFICER),
)
"""Two admins, for a card and a photo need two people."""

_OFFICERS = (
    ("Amina Yusuf", "Housing officer", "Housing"),
    ("Daniel Brown", "Repairs inspector", "Housing"),
    ("Priya Shah", "Occupational therapist", "Care"),
    ("Tomasz Nowak", "Environmental health officer", "Safety"),
    ("Grace Mensah", "Social worker", "Care"),
    ("Oliver Clarke", "Council tax visiting officer", "Money"),
    ("Niamh Kelly", "Benefits visiting officer", "Money"),
    ("Rajesh Patel", "Home safety adviser", "Safety"),
    ("Elena Popescu", "Family support worker", "Care"),
    ("Marcus Reid", "Gas engineer", "Safety"),
    ("Sunita Rao", "Electrician", "Safety"),
    ("Peter Walsh", "Damp surveyor", "Housing"),
)
"""Name, job title and team."""

_CONTRACTORS = {
    "Marcus Reid": "Northwick Heating Ltd",
    "Sunita Rao": "Northwick Heating Ltd",
    "Peter Walsh": "Weald Surveys Ltd",
}
_FIRST = ("Asha", "Ben", "Chloe", "Dev", "Ewa", "Farah", "George", "Hana", "Ian", "Joy")
_LAST = ("Adeyemi", "Bennett", "Costa", "Desai")
_WARDS = ("Northside", "Hilltop", "Old Town", "Parkside")
_PURPOSES = tuple(demonstration_year.VISIT_TYPES)
_BEFORE_THE_YEAR = timedelta(days=400)
"""So long ago everybody here was entered: before the first visit of the past year was booked."""

_POSTCODES = (
    """
HA1 2RJ, HA1 3AJ, HA1 3BW, HA1 3DX, HA1 3PJ, HA1 3QG, HA1 3QS, HA1 3TL,
HA1 3WE, HA1 4DL, HA1 4FP, HA1 4US, HA1 4ZQ, HA1 9DR, HA1 9GH, HA1 9NZ,
HA2 0NL, HA2 0TN, HA2 2DX, HA2 6DE, HA2 6NP, HA2 8QF, HA2 8XZ, HA3 3DL,
HA3 3JX, HA3 3NT, HA3 5SB, HA3 8JW, HA3 9HN, HA5 1JU, HA5 4LW, HA5 4TN,
HA5 5ZP, HA5 9BG, HA7 1GA, HA7 1HL, HA7 1PY, HA7 2HL, HA8 5HS, HA8 7UT
""".strip()
    .replace("\n", " ")
    .split(", ")
)


def load(at: datetime) -> bool:
    """Fill an empty database; False, and nothing done, if it holds anybody already."""
    with transaction() as session:
        if session.scalar(select(func.count()).select_from(User)):
            return False
        joined_at = at - _BEFORE_THE_YEAR
        officers = [_officer(session, number, joined_at) for number in range(len(_OFFICERS))]
        residents = [_resident(session, number, joined_at) for number in range(len(_POSTCODES))]
        session.flush()
        accounts = {}
        for name, role in ACCOUNTS:
            account = User(
                id=uuid4(),
                username=name,
                role=role,
                officer_id=officers[0].id if role is Role.OFFICER else None,
                created_at=at,
                active=True,
            )
            account.set_password(PASSWORD)
            session.add(account)
            accounts[role] = account
        session.flush()
        _hours(session, officers, accounts[Role.SCHEDULER], at)
        demonstration_year.fill(session, officers, residents, accounts[Role.SCHEDULER], at)
        _visits(session, officers, residents, accounts[Role.SCHEDULER], at)
    return True


def _officer(session: Session, number: int, at: datetime) -> Officer:
    name, job_title, team = _OFFICERS[number]
    company = _CONTRACTORS.get(name)
    officer = Officer(
        id=uuid4(),
        staff_number=f"D{number + 1:03}",
        display_name=name,
        job_title=job_title,
        employment=Employment.CONTRACTOR if company else Employment.EMPLOYEE,
        company=company,
        team=team,
        contract_ends_on=date(at.year + 3, 12, 31) if company else None,
        phone=f"+447700900{900 + number}",
        skills=[],
        active=True,
        photo_id=uuid4(),
        created_at=at,
    )
    session.add(officer)
    session.flush()
    session.add(
        OfficerPhoto(
            id=officer.photo_id,
            officer_id=officer.id,
            status=PhotoStatus.APPROVED,
            jpeg=_face(number),
            uploaded_at=at,
        )
    )
    return officer


def _hours(session: Session, officers: list[Officer], scheduler: User, at: datetime) -> None:
    """One officer with a week of her own and a lunch that may move, and one who will be on leave for a week."""
    by_name = {officer.display_name: officer for officer in officers}
    day = (Window(8 * 60 + 30, 16 * 60 + 30),)
    depot = find_place(session, _POSTCODES[0])
    week = WorkingPattern(
        days=(day,) * 5 + ((),) * 2,
        lunch=LunchBreak(30, 12 * 60, 14 * 60),
        starts_from=depot,
        ends_at=depot,
    )
    by_name["Priya Shah"].working_pattern = week.kept()
    # Beyond the visits below: those of an officer who is away would have to be given to another.
    first_day = at.astimezone(LONDON).date() + timedelta(days=14)
    enter(
        session,
        officer_id=by_name["Grace Mensah"].id,
        starts_at=instant(first_day, 0),
        ends_at=instant(first_day + timedelta(days=7), 0),
        kind=AbsenceKind.LEAVE,
        reason="Annual leave",
        by=scheduler.id,
        at=at,
    )


def _face(number: int) -> bytes:
    """A drawn face, a different one for each officer."""
    draw = random.Random(number)  # noqa: S311 - a drawing, not a secret
    skin = draw.choice(("#f1c9a5", "#c68642", "#8d5524", "#ffdbac", "#5c3a21"))
    hair = draw.choice(("#2b1b12", "#5a3825", "#8a8a8a", "#1a1a1a", "#a5581f"))
    coat = draw.choice(("#1d4f91", "#2f6b3a", "#5b3a7a", "#7a2f2f"))
    picture = Image.new("RGB", (480, 600), "#dfe6ee")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((40, 430, 440, 800), fill=coat)
    pen.rectangle((200, 360, 280, 470), fill=skin)
    pen.ellipse((110, 70, 370, 330), fill=hair)
    pen.ellipse((130, 110, 350, 410), fill=skin)
    for x in (190, 290):
        pen.ellipse((x - 20, 220, x + 20, 250), fill="white")
        pen.ellipse((x - 9, 226, x + 9, 246), fill="#2b1b12")
        pen.arc((x - 28, 190, x + 28, 230), 200, 340, fill=hair, width=7)
    pen.line((240, 240, 228, 300, 250, 304), fill="#6b4a32", width=4)
    pen.arc((190, 300, 290, 370), 20, 160, fill="#8a2f2f", width=7)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return photo.re_encode(file.getvalue())


def _resident(session: Session, number: int, at: datetime) -> Resident:
    resident = Resident(
        id=uuid4(),
        name=f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST)]}",
        phone=f"+447700900{100 + number}",
        language="en",
        # Every tenth resident has no text: somebody rings them.
        contact_by=ContactBy.CALL if number % 10 == 9 else ContactBy.TEXT,
        needs="Please ring the bell twice." if number % 7 == 0 else None,
        line_1=f"{number + 1} Demonstration House",
        town="Harrow",
        postcode=_POSTCODES[number],
        ward=_WARDS[number % len(_WARDS)],
        created_at=at,
    )
    resident.settle_place(session)
    session.add(resident)
    return resident


def _visits(
    session: Session, officers: list[Officer], residents: list[Resident], scheduler: User, at: datetime
) -> None:
    """Visits of today and the week from tomorrow. To those whose time has come somebody came: most on time."""
    chance = random.Random(2026)  # noqa: S311 - demonstration data, the same each time
    today = at.astimezone(LONDON).date()
    wanted = iter(residents * 6)
    for days in range(8):
        day = today + timedelta(days=days)
        if day.weekday() >= 5 and days:
            continue
        for officer in officers:
            for hour in sorted(chance.sample(range(9, 16), 2)):
                start = datetime.combine(day, time(hour, chance.choice((0, 30))), LONDON).astimezone(UTC)
                booked_at = min(at, start) - timedelta(days=3, minutes=chance.randrange(600))
                resident, purpose = next(wanted), chance.choice(_PURPOSES)
                try:
                    with session.begin_nested():
                        visit = booking.book(
                            session,
                            resident=resident,
                            officer_id=officer.id,
                            purpose=purpose,
                            visit_type=demonstration_year.VISIT_TYPES[purpose],
                            skills=[],
                            starts_at=start,
                            duration=timedelta(minutes=chance.choice((30, 45, 60))),
                            reason=None,
                            by=scheduler.id,
                            at=booked_at,
                        )
                except (DiaryClash, BookingRules):
                    continue
                if start < at:
                    _happened(session, visit, scheduler, chance, at)
                elif days == 1:
                    outbox.queue_visit_booked(session, visit, resident, at=at)


def _happened(session: Session, visit: Visit, by: User, chance: random.Random, at: datetime) -> None:
    """Somebody has come by now, so that no visit is missed before anybody has looked; half an hour later they are
    out again."""
    minutes = chance.choice((-12, -4, 0, 3, 6, 9, 14, 22))
    arrived_at = min(visit.starts_at + timedelta(minutes=minutes), at - timedelta(minutes=1))
    over_at = arrived_at + timedelta(minutes=30)
    visit = find(session, visit.id)
    visit.arrive(
        session,
        arrived_at=arrived_at,
        position=None,
        accuracy_m=None,
        client_id=uuid4(),
        by=by.id,
        at=arrived_at,
    )
    nobody_opened = chance.random() < 0.1
    if over_at <= at:
        visit.finish(
            session,
            outcome=Outcome.NO_ACCESS if nobody_opened else Outcome.COMPLETED,
            finished_at=over_at,
            note=None,
            client_id=uuid4(),
            by=by.id,
            at=over_at,
        )
