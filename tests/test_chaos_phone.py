"""Phones without signal, by the worst of luck: every event once in the history, none lost, each at its time.

In full: `make chaos-test`, a thousand officer-days on each database.
"""

import pytest

from api import sync
from tests.chaos_phones import run

DAYS, SEED = 100, 2026


def test_every_event_is_in_the_history_once_and_none_is_lost(app):
    verdict = run(app, DAYS, SEED)
    assert verdict.wrong == []
    assert verdict.days == DAYS
    assert verdict.sent > 1.5 * verdict.events, "otherwise hardly anything was sent again"
    assert verdict.lost > 0.25 * verdict.requests
    assert verdict.deaths > 0


def test_a_server_that_forgets_or_doubles_an_event_would_be_noticed(app, monkeypatch: pytest.MonkeyPatch):
    """The witness works: an answer without a record is a loss."""
    really = sync._take
    count = iter(range(10_000))

    def forgets_one(event, phone, at):
        if next(count) == 20:
            return really(event | {"client_id": "00000000-0000-4000-8000-000000000001"}, phone, at)
        return really(event, phone, at)

    monkeypatch.setattr(sync, "_take", forgets_one)
    assert run(app, 3, SEED).wrong
