"""A bundle for the hour without signal: genuine minute by minute, and dead with the sign-in that asked for it."""

import base64
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select

from id_badges import keys, qr
from id_badges.bundle import mint_bundle
from id_badges.keys import KeyRing
from id_badges.rotation import rotate
from id_badges.tokens import badge_id_of, mint_phone_badge, read
from models import bundle, database, retention
from models.badge import Badge
from models.bundle import Bundle
from models.errors import SignInRefused
from models.incident import Incident, IncidentKind
from models.live_code import LiveCode
from models.officer import Officer
from models.scan import Scan
from models.user import SignIn, User, end_all_sign_ins
from tests import factories
from tests.conftest import Client, StoppedClock
from tests.hostile_tokens import decode
from tests.scanning import qr_codes
from tests.steps import MONDAY_9, problem

HTML, JSON = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "application/json"}


@pytest.fixture
def web(app: Flask) -> Any:
    """A resident's browser."""
    return app.test_client()


@pytest.fixture
def state_of(web: Any) -> Callable[[Any], str]:
    """What a resident is told of a token of a bundle."""

    def check(item: Any) -> str:
        answer = web.get(f"/b/{item['token']}", headers=JSON)
        assert answer.status_code == 200
        return str(answer.json["state"])

    return check


def bundle_of(phone: Client, count: int = 60) -> list[Any]:
    """The tokens a phone is given for the hour."""
    answer = phone.get(f"/v1/me/badge?bundle={count}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return list(answer.json["bundle"]["items"])


def incidents() -> list[IncidentKind]:
    with database.reading() as session:
        return list(session.scalars(select(Incident.kind).order_by(Incident.opened_at)))


def named_by(token: str) -> UUID:
    """The bundle that a token names."""
    found = badge_id_of(json.loads(decode(token.split(".")[1]))["jti"])
    assert found is not None
    return found


class TestTheHour:
    def test_each_token_is_amber_before_its_minute_green_in_it_and_amber_after(
        self, phone: Client, state_of: Callable[[Any], str], stopped_clock: StoppedClock
    ) -> None:
        items = bundle_of(phone)
        assert len(items) == 60
        for number in (0, 1, 40, 59):
            begins_at = MONDAY_9 + timedelta(minutes=number)
            for seconds, state in ((-31, "not_yet_valid"), (0, "genuine"), (120, "genuine"), (150, "timed_out")):
                stopped_clock.set(begins_at + timedelta(seconds=seconds))
                assert state_of(items[number]) == state

    def test_at_any_moment_of_the_hour_some_token_is_genuine(
        self, phone: Client, state_of: Callable[[Any], str], stopped_clock: StoppedClock
    ) -> None:
        stopped_clock.set(MONDAY_9.replace(second=37, microsecond=999_999))
        items = bundle_of(phone)
        for second in range(0, 3600, 59):
            now = stopped_clock.now
            shown = [item for item in items if datetime.fromisoformat(item["begins_at"]) <= now][-1]
            assert state_of(shown) == "genuine", second
            stopped_clock.advance(59)

    def test_the_times_are_those_that_were_signed_and_none_lives_longer_than_any_badge(
        self, phone: Client
    ) -> None:
        items = bundle_of(phone)
        for number, item in enumerate(items):
            claims = json.loads(decode(item["token"].split(".")[1]))
            begins_at = MONDAY_9 + timedelta(minutes=number)
            assert set(claims) == {"iss", "jti", "iat", "exp"}
            assert (claims["iat"], claims["exp"]) == (begins_at.timestamp(), begins_at.timestamp() + 120)
            assert item["begins_at"] == begins_at.isoformat().replace("+00:00", "Z")
            ends_at = begins_at + timedelta(seconds=120)
            assert item["expires_at"] == ends_at.isoformat().replace("+00:00", "Z")

    def test_each_picture_holds_its_address_in_a_code_of_version_12_at_most(self, phone: Client) -> None:
        given = phone.get("/v1/me/badge?bundle=60").json["bundle"]
        for item in given["items"]:
            address = given["address"] + item["token"]
            assert qr.version(f"https://visits.harrow.gov.uk/b/{item['token']}") <= 12
            with Image.open(io.BytesIO(base64.b64decode(item["qr_png"]))) as small:
                (found,) = qr_codes(small.convert("L").resize((small.width * 4,) * 2, Image.Resampling.NEAREST))
            assert (found.text, found.ec_level) == (address, "M")

    def test_sixty_tokens_with_their_pictures_take_less_than_100_kb(self, phone: Client) -> None:
        answer = phone.get("/v1/me/badge?bundle=60")
        assert len(answer.data) < 100_000
        assert answer.headers["Cache-Control"] == "no-store"

    def test_without_the_word_there_is_no_bundle_and_no_row(self, phone: Client) -> None:
        assert "bundle" not in phone.get("/v1/me/badge").json
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(Bundle)) == 0

    def test_off_duty_it_is_amber_as_any_badge_is(
        self,
        sign_in: Callable[..., Client],
        officer: Officer,
        state_of: Callable[[Any], str],
        stopped_clock: StoppedClock,
    ) -> None:
        stopped_clock.set(MONDAY_9 + timedelta(hours=7, minutes=30))
        items = bundle_of(sign_in("officer", officer))
        stopped_clock.advance(45 * 60)
        assert state_of(items[45]) == "genuine_not_on_duty"


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        "count", ["0", "61", "-1", "1e1", "5_0", "30.5", "many", "", "%20", "9" * 5000, "٣٠", "true", "%00"]
    )
    def test_a_count_that_is_none_is_refused_and_replaces_nothing(
        self, phone: Client, state_of: Callable[[Any], str], count: str, stopped_clock: StoppedClock
    ) -> None:
        items = bundle_of(phone, 3)
        assert set(problem(phone.get(f"/v1/me/badge?bundle={count}"), 422)["errors"]) == {"bundle"}
        stopped_clock.advance(120)
        assert state_of(items[2]) == "genuine"

    @pytest.mark.parametrize("count", [1, 60])
    def test_one_and_sixty_are_counts(self, phone: Client, count: int) -> None:
        assert len(bundle_of(phone, count)) == count

    def test_nobody_but_an_officer_gets_one(self, stranger: Client, scheduler: Client, admin: Client) -> None:
        problem(stranger.get("/v1/me/badge?bundle=60"), 401)
        for other in (scheduler, admin):
            problem(other.get("/v1/me/badge?bundle=60"), 403)

    def test_another_officers_bundle_is_of_their_own_badge_and_replaces_nobodys(
        self,
        phone: Client,
        web: Any,
        sign_in: Callable[..., Client],
        state_of: Callable[[Any], str],
        stopped_clock: StoppedClock,
    ) -> None:
        mine = bundle_of(phone)
        theirs = bundle_of(sign_in("officer", factories.officer(display_name="Bola Other")))
        stopped_clock.advance(600)
        assert state_of(mine[10]) == "genuine"
        shown = web.get(f"/b/{theirs[10]['token']}", headers=JSON).json
        assert shown["officer"]["display_name"] == "Bola Other"

    @pytest.mark.parametrize("what", ["suspension", "badge"])
    def test_whose_badge_was_taken_away_gets_none(
        self, phone: Client, officer: Officer, admin: Client, what: str
    ) -> None:
        badge_id = phone.get("/v1/me/badge").json["badge_id"]
        if what == "suspension":
            admin.post(f"/v1/officers/{officer.id}/suspension", {"reason": "An inquiry."})
        else:
            admin.post(f"/v1/badges/{badge_id}/revocation", {"reason": "Lost."})
        refused = phone.get("/v1/me/badge?bundle=60")
        assert refused.status_code in (403, 409) and "token" not in refused.text
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(Bundle)) == 0

    def test_whoever_has_signed_out_gets_none(self, phone: Client) -> None:
        assert phone.delete("/v1/tokens").status_code == 204
        problem(phone.get("/v1/me/badge?bundle=60"), 401)


class TestDeadAtOnce:
    @pytest.fixture
    def items(self, phone: Client, state_of: Callable[[Any], str], stopped_clock: StoppedClock) -> list[Any]:
        """A bundle ten minutes into its hour, whose token is green and whose next is not yet."""
        given = bundle_of(phone)
        stopped_clock.advance(600)
        assert (state_of(given[10]), state_of(given[30])) == ("genuine", "not_yet_valid")
        return given

    def all_red(self, web: Any, items: list[Any]) -> None:
        red = web.get("/b/x", headers=HTML).data
        for number in (10, 30, 59):
            assert web.get(f"/b/{items[number]['token']}", headers=HTML).data == red

    def test_signing_out_ends_it(self, phone: Client, web: Any, items: list[Any]) -> None:
        assert phone.delete("/v1/tokens").status_code == 204
        self.all_red(web, items)

    def test_a_new_password_ends_it_for_a_stolen_phone(
        self, admin: Client, web: Any, officer: Officer, items: list[Any]
    ) -> None:
        with database.reading() as session:
            account = session.scalars(select(User.id).where(User.officer_id == officer.id)).one()
        assert admin.patch(f"/v1/users/{account}", {"password": "another long one"}).status_code == 200
        self.all_red(web, items)

    def test_closing_the_account_ends_it(
        self, admin: Client, web: Any, officer: Officer, items: list[Any]
    ) -> None:
        with database.reading() as session:
            account = session.scalars(select(User.id).where(User.officer_id == officer.id)).one()
        assert admin.patch(f"/v1/users/{account}", {"active": False}).status_code == 200
        self.all_red(web, items)

    @pytest.mark.parametrize("named", ["badge", "token"])
    def test_revoking_the_badge_ends_it_named_by_a_token_of_the_bundle_too(
        self, phone: Client, admin: Client, web: Any, items: list[Any], named: str
    ) -> None:
        jti = json.loads(decode(items[10]["token"].split(".")[1]))["jti"]
        badge_id = phone.get("/v1/me/badge").json["badge_id"]
        wanted = badge_id if named == "badge" else jti
        revoked = admin.post(f"/v1/badges/{wanted}/revocation", {"reason": "Copied."})
        assert (revoked.status_code, revoked.json["id"]) == (201, badge_id)
        self.all_red(web, items)
        assert incidents() == [IncidentKind.REVOKED_BADGE_SCANNED]

    def test_suspending_the_officer_ends_it_until_that_is_lifted(
        self, admin: Client, web: Any, officer: Officer, items: list[Any], state_of: Callable[[Any], str]
    ) -> None:
        address = f"/v1/officers/{officer.id}/suspension"
        assert admin.post(address, {"reason": "An inquiry."}).status_code == 201
        self.all_red(web, items)
        assert admin.delete(address).status_code == 204
        assert state_of(items[10]) == "genuine"

    def test_a_new_badge_from_an_admin_ends_it(
        self, admin: Client, web: Any, officer: Officer, items: list[Any]
    ) -> None:
        assert admin.post(f"/v1/officers/{officer.id}/badges").status_code == 201
        self.all_red(web, items)

    def test_leaving_the_council_ends_it(
        self, admin: Client, web: Any, officer: Officer, items: list[Any]
    ) -> None:
        assert admin.patch(f"/v1/officers/{officer.id}", {"active": False}).status_code == 200
        self.all_red(web, items)

    def test_another_sign_in_of_the_same_officer_goes_on(
        self,
        phone: Client,
        officer: Officer,
        items: list[Any],
        sign_in: Callable[..., Client],
        state_of: Callable[[Any], str],
    ) -> None:
        other = bundle_of(sign_in("officer", officer))
        assert phone.delete("/v1/tokens").status_code == 204
        assert (state_of(items[10]), state_of(other[0])) == ("not_confirmed", "genuine")

    def test_a_page_that_is_open_can_ask_nothing_more(self, phone: Client, web: Any, items: list[Any]) -> None:
        page = web.get(f"/b/{items[10]['token']}", headers=HTML).text
        ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
        assert ticket and phone.delete("/v1/tokens").status_code == 204
        asked = web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML)
        assert asked.data == web.get("/b/x", headers=HTML).data

    def test_showing_it_afterwards_is_an_incident_of_its_badge(
        self, phone: Client, web: Any, items: list[Any], state_of: Callable[[Any], str]
    ) -> None:
        badge_id = phone.get("/v1/me/badge").json["badge_id"]
        assert phone.delete("/v1/tokens").status_code == 204
        state_of(items[10])
        with database.reading() as session:
            (opened,) = session.scalars(select(Incident))
        assert (opened.kind, str(opened.badge_id)) == (IncidentKind.REVOKED_BADGE_SCANNED, badge_id)

    def test_whoever_reloads_a_page_after_the_days_work_is_not_frightened(
        self,
        phone: Client,
        items: list[Any],
        state_of: Callable[[Any], str],
        stopped_clock: StoppedClock,
    ) -> None:
        assert phone.delete("/v1/tokens").status_code == 204
        stopped_clock.advance(150)
        assert state_of(items[10]) == "timed_out"
        assert incidents() == []

    def test_a_bundle_that_was_removed_from_the_register_is_red(self, web: Any, items: list[Any]) -> None:
        with database.transaction() as session:
            session.delete(session.scalars(select(Bundle)).one())
        self.all_red(web, items)


class TestReplaced:
    def test_what_the_earlier_bundle_had_not_shown_is_genuine_no_more(
        self, phone: Client, state_of: Callable[[Any], str], stopped_clock: StoppedClock
    ) -> None:
        earlier = bundle_of(phone)
        stopped_clock.advance(600)
        later = bundle_of(phone)
        # What is on the screen at this moment, perhaps by a clock that is half a minute ahead, may be read yet.
        assert (state_of(earlier[10]), state_of(later[0])) == ("genuine", "genuine")
        for number in range(11, 60):
            stopped_clock.set(MONDAY_9 + timedelta(minutes=number))
            assert state_of(earlier[number]) == "timed_out"
        assert state_of(later[49]) == "genuine"
        assert incidents() == []

    def test_of_many_asked_for_at_once_one_stays(self, phone: Client) -> None:
        phone.get("/v1/me/badge")
        with database.reading() as session:
            badge_id, sign_in_id = (
                session.scalars(select(Badge.id)).one(),
                session.scalars(select(SignIn.id).join(User).where(User.officer_id.is_not(None))).one(),
            )

        def begin(number: int) -> None:
            with database.transaction() as session:
                at = MONDAY_9 + timedelta(seconds=number)
                bundle.begin(session, badge_id=badge_id, sign_in_id=sign_in_id, at=at)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(begin, range(24)))
        with database.reading() as session:
            living = select(func.count()).select_from(Bundle).where(Bundle.replaced_at.is_(None))
            assert session.scalar(living) == 1
            assert session.scalar(select(func.count()).select_from(Bundle)) == 24


class TestTheRestKnowsTheBadge:
    def test_a_scan_is_recorded_for_the_badge_and_the_officer_sees_it(
        self, app: Flask, phone: Client, state_of: Callable[[Any], str], officer: Officer
    ) -> None:
        given = phone.get("/v1/me/badge?bundle=2").json
        state_of(given["bundle"]["items"][0])
        app.extensions["scan_log"].flush()
        (seen,) = phone.get("/v1/me/scans").json["items"]
        assert (seen["badge_id"], seen["state"]) == (given["badge_id"], "genuine")
        with database.reading() as session:
            assert session.scalars(select(Scan.officer_id)).all() == [officer.id]

    def test_its_page_may_ask_for_the_live_code(self, phone: Client, web: Any) -> None:
        given = phone.get("/v1/me/badge?bundle=2").json
        page = web.get(f"/b/{given['bundle']['items'][0]['token']}", headers=HTML).text
        ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
        assert "live-code" in web.post("/b/live-codes", data={"ticket": ticket}, headers=HTML).text
        with database.reading() as session:
            assert [str(each) for each in session.scalars(select(LiveCode.badge_id))] == [given["badge_id"]]

    def test_it_goes_after_a_day_before_its_sign_in(
        self, app: Flask, phone: Client, stopped_clock: StoppedClock
    ) -> None:
        bundle_of(phone, 1)
        for days, left in ((1, 1), (1.001, 0)):
            retention.purge(MONDAY_9 + timedelta(days=days), keep=retention.Keep(), chain_key=b"k" * 32)
            with database.reading() as session:
                assert session.scalar(select(func.count()).select_from(Bundle)) == left
        retention.purge(MONDAY_9 + timedelta(days=15), keep=retention.Keep(), chain_key=b"k" * 32)
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(SignIn)) == 0

    def test_a_check_asks_the_register_once_and_an_ordinary_one_nothing_about_bundles(
        self, phone: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = phone.get("/v1/me/badge?bundle=1").json
        asked: list[Any] = []
        monkeypatch.setattr(bundle.badge, "find_by", lambda look_up, *_: asked.append(look_up))
        with database.reading() as session:
            for token in (given["token"], given["bundle"]["items"][0]["token"]):
                bundle.find_record(session, named_by(token), MONDAY_9)
        assert len(asked) == 2
        ordinary, bundled = ((str(each._statement) for each in look_up) for look_up in asked)
        assert not [sql for sql in ordinary if "bundles" in sql or "sign_ins" in sql]
        assert all("bundles" in sql and "sign_ins" in sql for sql in bundled)


class TestContractAndKeys:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        made = tmp_path / "keys"
        keys.create_keys(made, MONDAY_9 - timedelta(days=1))
        return made

    def minted(self, folder: Path, until: datetime | None = None) -> list[Any]:
        return mint_bundle(
            KeyRing.load(folder),
            issuer="harrow",
            bundle_id=bundle.new_bundle_id(),
            count=60,
            at=MONDAY_9,
            until=until,
        )

    @pytest.mark.parametrize("minutes", [0, 1, 2, 3, 30, 61, 62])
    def test_no_token_outlives_the_contract(self, folder: Path, minutes: int) -> None:
        until = MONDAY_9 + timedelta(minutes=minutes)
        items = self.minted(folder, until)
        assert len(items) == min(60, max(0, minutes - 1))
        assert all(item.expires_at <= until for item in items)

    def test_a_contractors_last_evening_ends_at_midnight_in_london(
        self, sign_in: Callable[..., Client], stopped_clock: StoppedClock
    ) -> None:
        """In July that is 23:00 by UTC."""
        stopped_clock.set(datetime.fromisoformat("2027-07-01T22:40:00Z"))
        last = factories.officer(company="Weald Surveys Ltd", contract_ends_on=date(2027, 7, 1))
        items = bundle_of(sign_in("officer", last))
        assert items[-1]["expires_at"] == "2027-07-01T23:00:00Z"

    def test_over_a_change_of_keys_each_token_is_signed_by_the_key_of_its_minute(self, folder: Path) -> None:
        change = MONDAY_9 + timedelta(minutes=30)
        rotate(folder, [keys.Purpose.PHONE], change - timedelta(hours=24))
        ring = KeyRing.load(folder)
        items = self.minted(folder)
        kids = [json.loads(decode(item.token.split(".")[0]))["kid"] for item in items]
        assert len(items) == 60
        assert (len(set(kids[:30])), len(set(kids[30:])), len(set(kids))) == (1, 1, 2)
        for item in items:
            assert read(item.token, keyring=ring, issuer="harrow", at=item.begins_at).clock == "valid"

    @pytest.mark.parametrize(
        ("signs", "believed", "count"), [(30, 90, 30), (30, 31, 30), (30, 30, 29), (90, 90, 60)]
    )
    def test_none_is_handed_out_that_no_key_signs_for_or_nobody_would_believe(
        self, folder: Path, signs: int, believed: int, count: int
    ) -> None:
        until = {
            "sign_until": MONDAY_9 + timedelta(minutes=signs),
            "verify_until": MONDAY_9 + timedelta(minutes=believed, seconds=1),
        }
        keys.write_registry(folder, [replace(key, **until) for key in keys.read_registry(folder)])
        items = self.minted(folder)
        assert len(items) == count
        ring = KeyRing.load(folder)
        for item in items:
            assert read(item.token, keyring=ring, issuer="harrow", at=item.expires_at).clock == "valid"


def test_no_bundles_id_is_ever_taken_for_a_badges() -> None:
    made = [bundle.new_bundle_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(bundle.is_bundle(each) and each.version == 8 for each in made)
    assert not any(bundle.is_bundle(uuid4()) for _ in range(1000))


def test_a_bundle_that_nobody_has_is_unknown(app: Flask, admin: Client, web: Any) -> None:
    nobodys = bundle.new_bundle_id()
    token = mint_phone_badge(app.extensions["keyring"], issuer="harrow", badge_id=nobodys, at=MONDAY_9)
    assert web.get(f"/b/{token}", headers=JSON).json["state"] == "not_confirmed"
    problem(admin.post(f"/v1/badges/{nobodys}/revocation", {"reason": "Lost."}), 404)


def test_a_sign_in_that_has_just_ended_begins_none(phone: Client, officer: Officer) -> None:
    badge_id = UUID(phone.get("/v1/me/badge").json["badge_id"])
    with database.transaction() as session:
        account = session.scalars(select(User.id).where(User.officer_id == officer.id)).one()
        end_all_sign_ins(session, account, MONDAY_9)
        sign_in_id = session.scalars(select(SignIn.id).where(SignIn.user_id == account)).one()
        with pytest.raises(SignInRefused):
            bundle.begin(session, badge_id=badge_id, sign_in_id=sign_in_id, at=MONDAY_9)
