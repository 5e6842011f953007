"""The word for each change that a resident had to be told of, as the figures and its own page say it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from models import standards
from models.message import MessageStatus
from models.standards import NoticeResult

LONGEST_SETTLE = timedelta(seconds=120)
"""A text that waits longer than the longest settling time waits for the end of the night."""


class ChangeState(StrEnum):
    """Where a change stands that is not counted as told or not told."""

    NO_NEED_TO_TELL = "no_need_to_tell"
    SUPERSEDED = "superseded"
    STILL_TO_BE_TOLD = "still_to_be_told"


def judge_notice(
    change: Any, status: MessageStatus | None, send_at: datetime | None, at: datetime
) -> NoticeResult | ChangeState:
    """The word for one change (a ChangeNotice or a row of its columns), as it stands at `at`.

    `status` and `send_at` are those of the first message of its news. Until R has passed, a way that failed
    leaves another, if only a person who rings.
    """
    if not change.due:
        return ChangeState.NO_NEED_TO_TELL
    if status is MessageStatus.SUPERSEDED and change.told_at is None:
        return ChangeState.SUPERSEDED
    due_at = send_at or change.decided_at
    result = standards.notice_result(
        decided_at=change.decided_at,
        reference_at=change.reference_at,
        due_at=due_at,
        held_for_night=due_at - change.decided_at > LONGEST_SETTLE,
        accepted_at=change.handed_over_at,
        told_at=change.told_at,
        gave_up=False,
        at=at,
    )
    return ChangeState.STILL_TO_BE_TOLD if result is NoticeResult.PENDING else result


def result_of(
    change: Any, status: MessageStatus | None, send_at: datetime | None, at: datetime
) -> NoticeResult | None:
    """The result word; `pending` while there is time, None for a change that nobody had to be told of."""
    judged = judge_notice(change, status, send_at, at)
    if isinstance(judged, NoticeResult):
        return judged
    return NoticeResult.PENDING if judged is ChangeState.STILL_TO_BE_TOLD else None
