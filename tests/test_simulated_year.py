"""Some weeks of simulated officers' days: late residents are told in time, seldom, and truly.

In full: `make simulate-year`, a thousand officer-days.
"""

import pytest

from benchmarks import year
from benchmarks.year import Outcome, broken, run

DAYS, SEED = 80, 2026


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return run(DAYS, SEED)


def test_most_late_residents_are_told_before_their_appointment_with_few_texts_that_are_kept(
    outcomes: dict[str, Outcome],
) -> None:
    """ "At least 85 % of late residents told before their appointment with at most 1.8 texts each, told windows
    kept 98 %." """
    ours = outcomes["by probability"]
    assert ours.late > 30, "otherwise this shows nothing"
    assert broken(ours) == []
    assert ours.most_texts <= 3


def test_a_naive_rule_on_the_same_days_sends_many_times_as_many_texts_and_keeps_fewer_times(
    outcomes: dict[str, Outcome],
) -> None:
    ours, naive = outcomes["by probability"], outcomes["naive"]
    assert (naive.visits, naive.late) == (ours.visits, ours.late)
    assert naive.texts > 4 * ours.texts
    assert naive.kept() < ours.kept() - 0.1
    assert naive.told > ours.told
    assert len(broken(naive)) == 2


def test_the_same_seed_is_the_same_year() -> None:
    assert run(2, 7) == run(2, 7) != run(2, 8)


def test_a_rule_that_says_nothing_or_too_late_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness works."""

    def too_late(resident: year.Resident, each: year.Outlook, now: float) -> None:
        if now >= resident.told.start:
            year.by_probability(resident, each, now)

    monkeypatch.setattr(year, "RULES", {"silent": lambda *_: None, "too late": too_late})
    for outcome in run(10, SEED).values():
        assert outcome.late_told_before == 0 < outcome.late
        assert any("told before" in words for words in broken(outcome))
