"""Proposals for visits at risk: another officer at the same time, and the best other time, for each of them.

"The visits at risk are listed with the best move or reassignment for each." They can be applied together,
whichever are chosen: the time of each is taken before the next is looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from models import standards
from models.slots import Slot
from models.team import Suggestion, Team, instant, london_day, stop_of
from models.visit import Visit

LATEST_MOVE = timedelta(days=7)
"""A move is looked for on the visit's own day, and then day by day until a week later."""


class ProposalKind(StrEnum):
    """What a proposal would do to its visit."""

    ASSIGNMENT = "assignment"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What could be done about one visit, and who would then make it."""

    kind: ProposalKind
    suggestion: Suggestion
    officer_id: UUID
    second_officer_id: UUID | None

    @property
    def slot(self) -> Slot:
        """When, and how good that is."""
        return self.suggestion.slot

    @property
    def starts_at(self) -> datetime:
        """When the visit would begin."""
        return instant(self.slot.starts)


@dataclass(slots=True)
class Proposed:
    """The proposals for one visit, the better first: whoever comes at the time that was promised keeps it."""

    visit: Visit
    proposals: list[Proposal] = field(default_factory=list)


def propose(team: Team, visits: Sequence[Visit], officer_id: UUID, at: datetime) -> list[Proposed]:
    """What could be done about each of these visits of an officer, which the team leaves out of everybody's day.

    Of two officers the other one stays, and so does the time: a move of both is the scheduler's own to find.

    Nobody's promise is broken for another's second choice: first the officers for the times that were promised are
    found, then moves for those visits that nobody can come to, and only then moves for the others.
    """
    found = [Proposed(visit) for visit in visits]
    for each in found:
        for partner in _others(each.visit, officer_id):
            team.take(partner, stop_of(each.visit))
    for each in found:
        items = team.for_visit(each.visit, but=_others(each.visit, officer_id)).items
        if items:
            _take(team, each, ProposalKind.ASSIGNMENT, items[0], officer_id)
    alone = (each for each in found if each.visit.second_officer_id is None)
    for each in sorted(alone, key=lambda each: bool(each.proposals)):
        best = _best_move(team, each.visit, at)
        if best is not None:
            _take(team, each, ProposalKind.MOVE, best, officer_id)
    return found


def _others(visit: Visit, officer_id: UUID) -> list[UUID]:
    return [each for each in visit.officer_ids if each != officer_id]


def _take(team: Team, proposed: Proposed, kind: ProposalKind, suggestion: Suggestion, instead_of: UUID) -> None:
    visit, comes = proposed.visit, suggestion.officer_id
    stop, starts = stop_of(visit), suggestion.slot.starts
    team.take(comes, stop._replace(starts=starts, ends=starts + stop.ends - stop.starts))
    pair = [comes if each == instead_of else each for each in visit.officer_ids]
    proposed.proposals.append(Proposal(kind, suggestion, pair[0], pair[1] if len(pair) > 1 else None))


def _best_move(team: Team, visit: Visit, at: datetime) -> Suggestion | None:
    """The best other time: with 24 hours' notice if that can be given at all, on the nearest day, by its cost."""
    may_be_possible = standards.possible(at, visit.starts_at)
    day, fallback = london_day(max(visit.starts_at, at)), None
    for _ in range(LATEST_MOVE.days + 1):
        short, best = min(
            ((not _gives_notice(each, visit, at), each) for each in team.on_day(visit, day)),
            key=lambda each: (each[0], each[1].cost, each[1].slot.starts, each[1].officer_id),
            default=(True, None),
        )
        if best is not None and not (short and may_be_possible):
            return best
        fallback = fallback or best
        day += timedelta(days=1)
    return fallback


def _gives_notice(suggestion: Suggestion, visit: Visit, at: datetime) -> bool:
    return standards.possible(at, standards.reference(visit.starts_at, instant(suggestion.slot.starts)))
