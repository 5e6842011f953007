"""What makes checks suspicious, from the scan records of all processes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from models.incident import IncidentKind, open_incident
from models.scan import Record, Scan, ScanKind

FURTHER_PLACES, PLACES_WITHIN = 3, timedelta(hours=1)
"""A badge is in two places when the codes it showed within an hour were checked from three further addresses.

Each code counts its addresses but the first. At one door two telephones, one on the home's network and one on a
mobile network, make one further address, and two with the next code; three telephones on three networks make two.
A copy that is checked elsewhere while the officer's own badge is checked makes one with every code."""

FLOOD, FLOOD_WITHIN = 30, timedelta(minutes=10)
"""So many red answers to one address are guesses. A household that scans an old screenshot again and again stays
far below, and so does a mobile network's shared address: a red answer is rare."""

_BELIEVED = ("genuine", "genuine_not_on_duty")
_DOUBTED = "not_confirmed"


class Places:
    """Where this process saw which code of a badge within the last hour: what was counted need not be again.

    A badge is in more places only if a code of it comes from an address that it had not come from; however often
    one is checked at one door, the register is asked once.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[Any, ...], datetime] = {}

    def forget(self) -> None:
        """Count all of them again."""
        self._last.clear()

    def adds(self, scan: Record) -> bool:
        """Whether this check may have put its badge in one place more."""
        if len(self._last) >= _PLACES_KNOWN:
            self.forget()
        place = (scan.badge_id, scan.token_issued_at, scan.address)
        last, self._last[place] = self._last.get(place), scan.at
        return last is None or scan.at - last >= PLACES_WITHIN


_PLACES_KNOWN = 10_000


def worth_a_look(scans: Sequence[Record], places: Places) -> list[Record]:
    """Those of the newest scans that may be reason for an incident: few on an ordinary day."""
    # The contact centre's own address is everybody's who rings it.
    return [
        scan
        for scan in scans
        if scan.kind is not ScanKind.TELEPHONE
        and (scan.state == _DOUBTED or (scan.state in _BELIEVED and scan.badge_id and places.adds(scan)))
    ]


def look_for_trouble(session: Session, scans: Sequence[Record]) -> None:
    """Open the incidents that these scans (`worth_a_look`) give reason for, once for each badge and address."""
    for scan in {scan.badge_id: scan for scan in scans if scan.state in _BELIEVED}.values():
        if scan.badge_id and _further_places(session, scan.badge_id, scan.at) >= FURTHER_PLACES:
            open_incident(
                session,
                IncidentKind.BADGE_IN_TWO_PLACES,
                at=scan.at,
                badge_id=scan.badge_id,
                officer_id=scan.officer_id,
            )
    for scan in {scan.address: scan for scan in scans if scan.state == _DOUBTED}.values():
        if _red_answers(session, scan.address, scan.at) >= FLOOD:
            open_incident(session, IncidentKind.SCAN_FLOOD, at=scan.at)


def _further_places(session: Session, badge_id: UUID, at: datetime) -> int:
    places = (
        select(func.count(distinct(Scan.address)).label("places"))
        .where(
            Scan.badge_id == badge_id,
            Scan.at > at - PLACES_WITHIN,
            Scan.state.in_(_BELIEVED),
            Scan.kind != ScanKind.TELEPHONE,
        )
        .group_by(Scan.token_issued_at)
        .subquery()
    )
    return session.scalar(select(func.sum(places.c.places - 1))) or 0


def _red_answers(session: Session, address: str, at: datetime) -> int:
    red = select(func.count()).where(Scan.address == address, Scan.at > at - FLOOD_WITHIN, Scan.state == _DOUBTED)
    return session.scalar(red) or 0
