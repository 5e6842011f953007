"""What a booking breaks, in words for whoever books it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from models.booking_rules import Broken, Rule
from models.clock import LONDON
from models.day import Gap, Stop
from models.interval import Interval
from models.working_time import Closed, WorkingDay


def advice(broken: Sequence[Broken]) -> str:
    """All that is broken, and what to do now."""
    what_to_do = "Choose another time or another officer"
    if all(each.may_be_overridden for each in broken):
        what_to_do += ", or name each rule in overrides and say why"
    return " ".join([*(each.detail for each in broken), f"{what_to_do}."])


def no_skill(missing: Sequence[str], officers: int) -> str:
    """Skills that the visit needs and nobody who is to come has."""
    nobody = "The officer does not have" if officers == 1 else "Neither officer has"
    return f"{nobody} what the visit needs: {', '.join(missing)}."


def not_in_areas() -> str:
    """A home in a district that is not the officer's."""
    return "The home is outside of the officer's areas."


def away(when: Interval) -> str:
    """An absence."""
    return f"The officer is away from {_day_and_time(when.starts_at)} to {_day_and_time(when.ends_at)}."


def out_of_hours(working: WorkingDay, assumed: bool) -> str:
    """A time that is not in the officer's hours of its day, or not in those that are assumed."""
    if working.windows:
        hours = " and ".join(f"{_time(each.starts_at)} to {_time(each.ends_at)}" for each in working.windows)
        what = f"The officer works {hours} on this day."
    elif working.closed is Closed.BANK_HOLIDAY:
        what = "The officer does not work on this day: it is a bank holiday."
    else:
        what = "The officer does not work on this day."
    return f"{what} Nobody has set their hours: this is assumed." if assumed else what


def no_lunch(working: WorkingDay) -> str:
    """A day that would have no time for lunch left."""
    lunch = working.lunch
    assert lunch is not None  # noqa: S101 - without one none is lost
    minutes = int(lunch.duration.total_seconds()) // 60
    begins = f"{_time(lunch.earliest)} to {_time(lunch.latest)}"
    return f"The officer would have no {minutes} minutes for lunch that begin from {begins}."


def of_the_way(rule: Rule, gap: Gap, arrives: int, stop: Stop) -> str:
    """A way that takes too long: to the visit, from it to the next, or to the shift's end; or one after which too
    little time is in hand."""
    if gap.after is None:
        return f"The officer's shift would end at {_time_of(arrives)} in place of {_time_of(gap.due)}."
    where = "the visit" if gap.after == stop else "the next visit"
    if rule is Rule.SLACK:
        return (
            f"The officer might be late for {where} at {_time_of(gap.due)}: too little time is in hand after the"
            " visit before it."
        )
    return f"The officer cannot be at {where} before {_time_of(arrives)}, and it starts at {_time_of(gap.due)}."


def _time_of(second: int) -> str:
    """The minute that has come by then: nobody is told to be somewhere a moment too soon."""
    return _time(datetime.fromtimestamp(-(-second // 60) * 60, UTC))


def _time(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%H:%M}"


def _day_and_time(at: datetime) -> str:
    local = at.astimezone(LONDON)
    return f"{local:%H:%M} on {local.day} {local:%B %Y}"
