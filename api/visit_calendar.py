"""A visit as an entry for the resident's own calendar (RFC 5545)."""

from datetime import UTC, datetime

from models.visit import Visit, VisitStatus

_LONGEST_LINE = 75
"""Octets, before a line has to be folded."""


def calendar(visit: Visit, *, council_name: str, council_phone: str, host: str, at: datetime) -> str:
    """The entry. It says when and who to ring, and no name, address, reason or link: calendars are shared.

    Times are in UTC, which every calendar shows by its own clock: London's in London. A visit that moved since
    has a higher SEQUENCE, and replaces the entry that was made before.
    """
    words = f"We aim to come within 15 minutes of the start. To change it, ring {council_phone}."
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Home visits//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{visit.reference}@{host}",
        f"DTSTAMP:{_utc(at)}",
        f"SEQUENCE:{visit.version}",
        f"DTSTART:{_utc(visit.starts_at)}",
        f"DTEND:{_utc(visit.ends_at)}",
        f"SUMMARY:{_escaped(council_name)} home visit",
        f"DESCRIPTION:{_escaped(words)}",
        f"STATUS:{'CANCELLED' if visit.status is VisitStatus.CANCELLED else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    """The line in pieces of 75 octets; each after the first begins with a space, and no letter is cut."""
    pieces, piece = [], ""
    for letter in line:
        if len((piece + letter).encode()) > _LONGEST_LINE:
            pieces.append(piece)
            piece = " "
        piece += letter
    return [*pieces, piece]
