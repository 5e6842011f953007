"""Scan records: what is recorded of a check and what not, never in the way of the answer, in one whole chain."""

import logging
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from api import scan_log
from api.scan_log import ScanLog
from api.scans import chain_key
from id_badges import short_code
from id_badges.tokens import mint_phone_badge
from models.badge import Badge
from models.database import reading, snapshot, transaction
from models.officer import Officer
from models.scan import Scan, ScanKind, ScanSalt, Seen, append, cut_old, mask, prove
from tests import factories, live
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9

EVENING = MONDAY_9 + timedelta(hours=11)
HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}
SECRET = b"s" * 32
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile Safari/604.1"
)


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def good(app: Flask, officer: Officer) -> Badge:
    """The officer's phone badge."""
    return live.give_badge(officer, MONDAY_9)


@pytest.fixture
def address(app: Flask, good: Badge, stopped_clock: StoppedClock) -> str:
    """What the officer's telephone shows now."""
    keyring = app.extensions["keyring"]
    return "/b/" + mint_phone_badge(keyring, issuer="harrow", badge_id=good.id, at=stopped_clock.now)


@pytest.fixture
def links(app: Flask, stopped_clock: StoppedClock) -> dict[str, str]:
    """The address of a badge's page in each state, on a Monday evening."""
    stopped_clock.set(EVENING)
    return live.badge_of_each_state(app.extensions["keyring"], EVENING)


@pytest.fixture
def recorded(app: Flask) -> Callable[[], list[Scan]]:
    """The scans so far, in their order."""

    def read() -> list[Scan]:
        assert app.extensions["scan_log"].flush()
        with reading() as session:
            return list(session.scalars(select(Scan).order_by(Scan.number)))

    return read


Recorded = Callable[[], list[Scan]]


class TestWhatIsRecorded:
    def test_a_check_is_recorded_with_its_badge_its_state_and_how_it_was_made(
        self, app: Flask, web: Any, address: str, good: Badge, recorded: Recorded
    ) -> None:
        code = short_code.short_code(app.extensions["keyring"].short_code_secret, good.id, good.handle, MONDAY_9)
        web.get(address, headers=HTML)
        web.get(address, headers=JSON)
        web.post("/b", data={"code": code}, headers=HTML)
        scans = recorded()
        assert [scan.kind for scan in scans] == [ScanKind.PAGE, ScanKind.JSON, ScanKind.TYPED_CODE]
        assert {(scan.badge_id, scan.officer_id) for scan in scans} == {(good.id, good.officer_id)}
        assert {(scan.state, scan.reason, scan.at) for scan in scans} == {("genuine", "genuine", MONDAY_9)}

    def test_a_printed_card_is_told_from_a_telephone(
        self, web: Any, links: dict[str, str], recorded: Recorded
    ) -> None:
        web.get(links["card_only"], headers=HTML)
        assert [(scan.kind, scan.state) for scan in recorded()] == [(ScanKind.CARD, "card_only")]

    def test_a_red_answer_is_recorded_with_the_reason_that_its_page_keeps_to_itself(
        self, web: Any, links: dict[str, str], recorded: Recorded
    ) -> None:
        for state in ("revoked", "suspended", "unknown", "forged"):
            web.get(links[state], headers=HTML)
        scans = recorded()
        assert {scan.state for scan in scans} == {"not_confirmed"}
        assert [scan.reason for scan in scans[:3]] == ["revoked", "suspended", "unknown"]
        assert scans[3].badge_id is None

    def test_head_is_not_recorded(self, web: Any, address: str, recorded: Recorded) -> None:
        web.head(address, headers=HTML)
        assert recorded() == []

    @pytest.mark.parametrize(
        "headers",
        [
            {"User-Agent": "WhatsApp/2.23.20.0 A"},
            {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
            {"User-Agent": "TelegramBot (like TwitterBot)"},
            {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
            {"User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
            {"User-Agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5"},
            {"User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; +http://www.linkedin.com)"},
            {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
            {"User-Agent": IPHONE, "Purpose": "prefetch"},
            {"User-Agent": IPHONE, "Sec-Purpose": "prefetch;prerender"},
            {"User-Agent": IPHONE, "X-Moz": "prefetch"},
        ],
    )
    def test_a_program_that_draws_a_preview_is_answered_and_not_recorded(
        self, web: Any, address: str, recorded: Recorded, headers: dict[str, str]
    ) -> None:
        assert web.get(address, headers=headers | HTML).status_code == 200
        assert recorded() == []

    @pytest.mark.parametrize(
        "agent",
        [
            IPHONE,
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/110 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/110 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) Mobile/15E148 [FBAN/FBIOS;FBAV/437.0]",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 [LinkedInApp]/9.29",
            "",
        ],
    )
    def test_a_persons_browser_is_recorded_whatever_its_name(
        self, web: Any, address: str, recorded: Recorded, agent: str
    ) -> None:
        web.get(address, headers=HTML | {"User-Agent": agent})
        assert len(recorded()) == 1


class TestAddresses:
    def test_no_record_holds_an_address_and_one_caller_is_known_again_on_the_same_day(
        self, web: Any, address: str, recorded: Recorded
    ) -> None:
        for caller in ("192.0.2.7", "192.0.2.7", "192.0.2.8"):
            web.get(address, headers=HTML, environ_overrides={"REMOTE_ADDR": caller})
        first, again, other = (scan.address for scan in recorded())
        assert first == again != other
        assert len(first) == 32 and "192" not in first

    def test_the_next_day_nobody_can_tell_that_it_is_the_same_caller(self, app: Flask) -> None:
        with transaction() as session:
            today, tomorrow = append(session, [seen(MONDAY_9), seen(MONDAY_9 + timedelta(days=1))], secret=SECRET)
        assert today.address != tomorrow.address

    def test_the_salt_of_a_day_is_thrown_away_on_the_next(self, app: Flask) -> None:
        for day in range(3):
            with transaction() as session:
                append(session, [seen(MONDAY_9 + timedelta(days=day))], secret=SECRET)
        with reading() as session:
            assert list(session.scalars(select(ScanSalt.day))) == [(MONDAY_9 + timedelta(days=2)).date()]

    def test_the_telephones_of_one_home_have_one_address_in_ipv6(self) -> None:
        one, same, other = ("2001:db8:1:2::7", "2001:db8:1:2:ffff::9", "2001:db8:1:3::7")
        masked = [mask(each, b"salt", SECRET) for each in (one, same, other)]
        assert masked[0] == masked[1] != masked[2]


class TestNotInTheWay:
    def test_a_full_queue_is_counted_and_told_and_nobody_waits(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stranger: Client
    ) -> None:
        monkeypatch.setattr(scan_log, "ROOM", 2)
        may_write = threading.Event()
        waiting = ScanLog(SECRET)
        write = waiting._write
        monkeypatch.setattr(waiting, "_write", lambda batch: may_write.wait(10) and write(batch))
        with caplog.at_level(logging.ERROR):
            for _ in range(20):
                waiting.put(seen(MONDAY_9))
        lost = [record for record in caplog.records if record.getMessage() == "scan_not_recorded"]
        assert 16 <= len(lost) <= 18
        may_write.set()
        assert waiting.flush()
        waiting.put(seen(MONDAY_9))
        assert waiting.flush()
        assert f"home_visits_scans_dropped_total {len(lost)}.0" in stranger.get("/metrics").text

    def test_scans_wait_while_the_database_is_away(
        self, app: Flask, web: Any, address: str, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scan_log, "RETRY_S", 0.05)
        append_, tries = scan_log.append, []

        def away_at_first(*given: Any, **named: Any) -> Any:
            tries.append(1)
            if len(tries) < 3:
                raise OperationalError("INSERT", None, Exception("away"))
            return append_(*given, **named)

        monkeypatch.setattr(scan_log, "append", away_at_first)
        assert web.get(address, headers=HTML).status_code == 200
        assert len(recorded()) == 1


def seen(at: datetime, **changes: Any) -> Seen:
    """A check of an unknown badge."""
    values = {"kind": ScanKind.PAGE, "state": "not_confirmed", "reason": "unknown", "address": "192.0.2.7"}
    return Seen(at=at, **values | changes)


class TestChain:
    @pytest.fixture
    def chain(self, app: Flask) -> None:
        """Ten records, a day apart, written one at a time."""
        for day in range(10):
            with transaction() as session:
                append(session, [seen(MONDAY_9 + timedelta(days=day), badge_id=uuid4())], secret=SECRET)

    def fault(self) -> str | None:
        with snapshot() as session:
            return prove(session, secret=SECRET).broken

    def spoil(self, *statements: str) -> None:
        with transaction() as session:
            for statement in statements:
                session.execute(text(statement))

    def test_an_untouched_chain_is_whole(self, chain: None) -> None:
        with snapshot() as session:
            proof = prove(session, secret=SECRET)
            last = session.get(Scan, 10)
        assert (proof.records, proof.last_number, proof.broken) == (10, 10, None)
        assert last is not None and proof.last_hash == last.hash

    def test_an_empty_chain_is_whole(self, app: Flask) -> None:
        assert self.fault() is None

    @pytest.mark.parametrize(
        "change",
        [
            "state = 'genuine'",
            "reason = 'revoked'",
            "kind = 'telephone'",
            "badge_id = NULL",
            "address = 'x'",
            "token_issued_at = at",
            "at = (SELECT at FROM scans WHERE number = 6)",
        ],
    )
    def test_a_change_of_any_part_of_a_record_shows(self, chain: None, change: str) -> None:
        self.spoil(f"UPDATE scans SET {change} WHERE number = 5")
        assert self.fault() == "Record 5 was changed."

    @pytest.mark.parametrize("number", [1, 5])
    def test_a_record_that_was_removed_is_named(self, chain: None, number: int) -> None:
        self.spoil(f"DELETE FROM scans WHERE number = {number}")
        assert self.fault() == f"Record {number} is missing."

    def test_records_taken_off_the_end_are_missed(self, chain: None) -> None:
        self.spoil("DELETE FROM scans WHERE number > 8")
        assert self.fault() == "Record 9 is missing, with all that followed it."

    def test_records_taken_off_the_end_are_missed_even_if_the_end_is_moved(self, chain: None) -> None:
        self.spoil(
            "DELETE FROM scans WHERE number > 8",
            "UPDATE scans_end SET number = 8, hash = (SELECT hash FROM scans WHERE number = 8)",
        )
        assert self.fault() == "The end of the chain was changed."

    def test_records_taken_off_the_beginning_are_missed_even_if_that_is_called_a_purge(self, chain: None) -> None:
        self.spoil(
            "UPDATE scans_end SET cut_number = 3, cut_hash = (SELECT hash FROM scans WHERE number = 3)",
            "DELETE FROM scans WHERE number <= 3",
        )
        assert self.fault() == "The end of the chain was changed."

    def test_the_end_itself_cannot_be_removed(self, chain: None) -> None:
        self.spoil("DELETE FROM scans_end")
        assert self.fault() == "The end of the chain was removed."

    def test_two_records_that_change_places_show(self, chain: None) -> None:
        self.spoil(
            "UPDATE scans SET number = 100 WHERE number = 4",
            "UPDATE scans SET number = 4 WHERE number = 5",
            "UPDATE scans SET number = 5 WHERE number = 100",
        )
        assert self.fault() == "Record 4 does not follow the one before it."

    def test_old_records_go_and_the_rest_is_still_proved(self, chain: None) -> None:
        with transaction() as session:
            assert cut_old(session, MONDAY_9 + timedelta(days=4), secret=SECRET, at_most=99) == 4
        with snapshot() as session:
            proof = prove(session, secret=SECRET)
        assert (proof.records, proof.last_number, proof.broken) == (6, 10, None)
        self.spoil("DELETE FROM scans WHERE number = 5")
        assert self.fault() == "Record 5 is missing."

    def test_when_all_are_old_all_go_and_the_chain_goes_on(self, chain: None) -> None:
        with transaction() as session:
            assert cut_old(session, MONDAY_9 + timedelta(days=99), secret=SECRET, at_most=99) == 10
        with transaction() as session:
            append(session, [seen(MONDAY_9 + timedelta(days=100))], secret=SECRET)
        with snapshot() as session:
            assert prove(session, secret=SECRET).records == 1
        assert self.fault() is None

    def test_several_who_write_at_once_make_one_chain(self, app: Flask) -> None:
        def write(_: int) -> None:
            for _ in range(10):
                with transaction() as session:
                    append(session, [seen(MONDAY_9), seen(MONDAY_9)], secret=SECRET)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))
        with snapshot() as session:
            proof = prove(session, secret=SECRET)
        assert (proof.records, proof.broken) == (120, None)


class TestCommand:
    def test_it_says_that_the_records_are_whole(
        self, app: Flask, web: Any, address: str, recorded: Recorded
    ) -> None:
        web.get(address, headers=HTML)
        (scan,) = recorded()
        result = app.test_cli_runner().invoke(args=["prove-scans"])
        assert result.exit_code == 0
        assert result.output == f"1 records are whole. The last is 1: {scan.hash}\n"

    def test_it_names_the_first_broken_link_and_fails(
        self, app: Flask, web: Any, address: str, recorded: Recorded
    ) -> None:
        for _ in range(3):
            web.get(address, headers=HTML)
        assert len(recorded()) == 3
        with transaction() as session:
            session.execute(text("UPDATE scans SET state = 'unavailable' WHERE number = 2"))
        result = app.test_cli_runner().invoke(args=["prove-scans"])
        assert result.exit_code == 1
        assert result.output == "1 records are whole. Record 2 was changed.\n"

    def test_a_key_of_its_own_seals_the_records(self, app: Flask) -> None:
        assert chain_key(app.extensions["digest_key"]) != app.extensions["digest_key"]


class TestMyScans:
    def test_an_officer_sees_when_their_badge_was_checked_and_no_address(
        self, app: Flask, web: Any, address: str, good: Badge, phone: Client, recorded: Recorded
    ) -> None:
        web.get(address, headers=HTML)
        assert len(recorded()) == 1
        answer = phone.get("/v1/me/scans").json
        assert answer == {
            "items": [
                {"at": "2026-11-23T09:00:00Z", "badge_id": str(good.id), "kind": "page", "state": "genuine"}
            ],
            "next_cursor": None,
        }

    def test_an_officer_sees_no_check_of_another_officers_badge(
        self, web: Any, address: str, recorded: Recorded, sign_in: Callable[..., Client]
    ) -> None:
        web.get(address, headers=HTML)
        assert len(recorded()) == 1
        assert sign_in("officer", factories.officer()).get("/v1/me/scans").json["items"] == []

    def test_they_are_listed_once_each_the_newest_first(
        self, app: Flask, phone: Client, officer: Officer, good: Badge
    ) -> None:
        with transaction() as session:
            some = [
                seen(MONDAY_9 + timedelta(seconds=each // 2), badge_id=good.id, officer_id=officer.id)
                for each in range(7)
            ]
            append(session, some, secret=SECRET)
        times, cursor = [], ""
        while True:
            answer = phone.get(f"/v1/me/scans?limit=3{cursor}").json
            times += [item["at"] for item in answer["items"]]
            if answer["next_cursor"] is None:
                break
            cursor = f"&cursor={answer['next_cursor']}"
        assert len(times) == 7 and times == sorted(times, reverse=True)


def test_a_server_that_stops_writes_down_what_it_has_answered(
    database_url: str, database_in_use: str, tmp_path: Any
) -> None:
    """As granian serves it: the last answer is in the records when the process has ended."""
    with live.serve({"DATABASE_URL": database_url, "CHECKS_PER_MINUTE": "0"}, tmp_path) as server:
        links = live.badge_of_each_state(server.keyring, server.now())
        for _ in range(5):
            with urllib.request.urlopen(server.url + links["genuine"], timeout=10) as answer:
                assert answer.status == 200
    with reading() as session:
        assert len(list(session.scalars(select(Scan.number)))) == 5
