"""Settings: what production refuses, and that each is in the documentation."""

import dataclasses
import os
import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from api import secret_keys
from api.config import BadSetting, Settings
from models.travel import TravelModel
from tests.steps import MONDAY_9

ROOT = Path(__file__).resolve().parent.parent

PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://visits@db/visits",
    "PUBLIC_BASE_URL": "https://visits.harrow.gov.uk",
    "KEYS_DIR": "/etc/visits/keys",
    "COUNCIL_PHONE": "020 8863 5611",
    "SMS_SENDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC0",
    "TWILIO_AUTH_TOKEN": "secret",
    "TWILIO_FROM": "+447700900000",
}


def read(**changes: str | None) -> Settings:
    """Production's settings with changes; None takes one away."""
    environ = PRODUCTION | changes
    return Settings.from_environment({name: value for name, value in environ.items() if value is not None})


def test_development_needs_no_setting_at_all():
    settings = Settings.from_environment({})
    assert settings.production is False
    assert settings.sms_sender == "console"
    assert settings.checks_per_minute == 60
    assert settings.database_url.startswith("sqlite:///")
    assert settings.public_base_url == "http://127.0.0.1:8000"


def test_production_starts_with_all_it_needs():
    assert read().production is True
    assert read(TWILIO_FROM=None, TWILIO_MESSAGING_SERVICE_SID="MG0").twilio_from is None
    assert read(PUBLIC_BASE_URL="https://visits.harrow.gov.uk:8443/").public_base_url.endswith(":8443")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PUBLIC_BASE_URL": "http://visits.harrow.gov.uk"}, "https"),
        ({"PUBLIC_BASE_URL": None}, "PUBLIC_BASE_URL"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": "   "}, "DATABASE_URL"),
        ({"KEYS_DIR": None}, "KEYS_DIR"),
        ({"COUNCIL_PHONE": None}, "COUNCIL_PHONE"),
        ({"SMS_SENDER": None}, "SMS_SENDER"),
        ({"SMS_SENDER": "console"}, "console sends nothing"),
        ({"TWILIO_API_BASE": "http://127.0.0.1:9000"}, "TWILIO_API_BASE"),
        ({"TWILIO_ACCOUNT_SID": None}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_AUTH_TOKEN": None}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_FROM": None}, "TWILIO_FROM"),
    ],
)
def test_production_refuses_what_is_missing_or_made_for_development(changes, words):
    with pytest.raises(BadSetting, match=re.escape(words)):
        read(**changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "prod"),
        ("APP_ENV", "Production"),
        ("SMS_SENDER", "post"),
        ("LOG_LEVEL", "LOUD"),
        ("CHECKS_PER_MINUTE", "-1"),
        ("CHECKS_PER_MINUTE", "many"),
        ("CHECKS_PER_MINUTE", "1.5"),
        ("TRUSTED_PROXIES", "yes"),
        ("KEEP_MESSAGES_DAYS", "29"),
        ("KEEP_VISITS_DAYS", "0"),
        ("KEEP_RESIDENTS_DAYS", "for ever"),
        ("TRAVEL_ROADS_BEND", "0.9"),
        ("TRAVEL_ROADS_BEND", "2.1"),
        ("TRAVEL_ROADS_BEND", "nan"),
        ("TRAVEL_ROADS_BEND", "1,35"),
        ("TRAVEL_SPEEDS", "27"),
        ("TRAVEL_SPEEDS", "07:00=fast"),
        ("TRAVEL_SPEEDS", "7:00=27"),
        ("TRAVEL_SPEEDS", "24:00=27"),
        ("TRAVEL_SPEEDS", "07:10=27"),
        ("TRAVEL_SPEEDS", "07:00=27.55"),
        ("TRAVEL_SPEEDS", "10:00=27 07:00=23.5"),
        ("TRAVEL_SPEEDS", "07:00=27 07:00=28"),
        ("TRAVEL_SPEEDS", "07:00=4.9"),
        ("TRAVEL_SPEEDS", "07:00=130.1"),
        ("TRAVEL_PARKING_SECONDS", "3601"),
        ("TRAVEL_PARKING_SECONDS", "-1"),
        ("TRAVEL_UNKNOWN_SECONDS", "3601"),
        ("TRAVEL_FARTHEST_KM", "0"),
        ("TRAVEL_FARTHEST_KM", "101"),
        ("ROUTER", "google"),
        ("ROUTER", "osrm"),
        ("ROUTER_URL", "http://osrm.internal:5000"),
        ("ROUTER_TIMEOUT_MS", "99"),
        ("ROUTER_TIMEOUT_MS", "30001"),
        ("DUTY_MANAGER_PHONES", "07700 900123"),
        ("DUTY_MANAGER_PHONES", "+447700900123,nobody"),
        ("DUTY_MANAGER_PHONES", "+447700900123,+447700900123"),
        ("BADGE_ISSUER", "Harrow"),
        ("BADGE_ISSUER", "harrowcouncil"),
        ("COMPLAINTS_URL", "www.harrow.gov.uk/complaints"),
        ("COMPLAINTS_URL", "javascript:alert(1)"),
        ("PUBLIC_BASE_URL", "visits.harrow.gov.uk"),
        ("PUBLIC_BASE_URL", "ftp://visits.harrow.gov.uk"),
        ("PUBLIC_BASE_URL", "https://"),
        ("PUBLIC_BASE_URL", "https://visits.harrow.gov.uk?x=1"),
        ("PUBLIC_BASE_URL", "https://visits.harrow.gov.uk#top"),
        ("PUBLIC_BASE_URL", "https://somebody@visits.harrow.gov.uk"),
        ("PUBLIC_BASE_URL", "https://visits.harrow.gov.uk:port"),
        ("PUBLIC_BASE_URL", "https://[::1"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(name, value):
    for environ in ({}, PRODUCTION):
        with pytest.raises(BadSetting, match=name):
            Settings.from_environment(environ | {name: value})


@pytest.mark.parametrize(
    ("name", "phone", "refused"),
    [
        ("W" * 40, "0" * 20, None),
        ("W" * 41, "0" * 20, "COUNCIL_NAME may have 40 characters"),
        ("W" * 40, "0" * 21, "COUNCIL_PHONE may have 20 characters"),
        ("…" * 14, "0", "COUNCIL_NAME may have 40 characters"),
        ("ŵ" * 14, "0" * 20, None),
        ("ŵ" * 15, "0" * 20, "may have 34 characters together"),
        ("Cyngor Sir Ynys Môn", "01248 750057", None),
        ("“Harrow” – the Council’s own house visits", "020 8863 5611", "COUNCIL_NAME may have 40 characters"),
        ("“Harrow” – the Council’s own home visits", "020 8863 5611", None),
    ],
)
def test_the_councils_name_and_number_leave_room_for_the_words_of_every_text(name, phone, refused):
    """Measured once quotes and dashes are plain, as texts have them."""
    environ = {"COUNCIL_NAME": name, "COUNCIL_PHONE": phone}
    if refused:
        with pytest.raises(BadSetting, match=refused):
            Settings.from_environment(environ)
    else:
        assert Settings.from_environment(environ).council_name == name


def test_journeys_are_reckoned_with_the_figures_of_the_settings():
    settings = Settings.from_environment(
        {
            "TRAVEL_ROADS_BEND": "1.2",
            "TRAVEL_SPEEDS": "06:30=20.5 20:00=40",
            "TRAVEL_PARKING_SECONDS": "60",
            "TRAVEL_UNKNOWN_SECONDS": "900",
            "TRAVEL_FARTHEST_KM": "30",
        }
    )
    assert settings.travel == TravelModel(1.2, ((time(6, 30), 20.5), (time(20), 40.0)), 60, 900, 30_000)
    assert Settings.from_environment({}).travel == TravelModel()


@pytest.mark.parametrize(
    "url",
    ["osrm.internal:5000", "file:///etc/passwd", "http://", "http://me:secret@osrm.internal", "http://a/?b=c"],
)
def test_a_routing_server_has_a_plain_address(url):
    with pytest.raises(BadSetting, match="ROUTER_URL"):
        Settings.from_environment({"ROUTER": "osrm", "ROUTER_URL": url})


def test_a_routing_server_may_be_asked():
    settings = Settings.from_environment({"ROUTER": "valhalla", "ROUTER_URL": "http://10.0.0.7:8002/"})
    assert (settings.router, settings.router_url) == ("valhalla", "http://10.0.0.7:8002")
    assert Settings.from_environment({}).router_url is None


def test_duty_managers_may_be_several():
    settings = Settings.from_environment({"DUTY_MANAGER_PHONES": "+447700900123, +447700900124,"})
    assert settings.duty_manager_phones == ("+447700900123", "+447700900124")


def test_every_setting_is_in_the_documentation():
    written = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for field in dataclasses.fields(Settings):
        assert f"`{field.name.upper()}`" in written, field.name


def test_every_default_in_the_documentation_is_the_real_one():
    written = (ROOT / "docs" / "settings.md").read_text("utf-8")
    settings = Settings.from_environment({})
    for name, value in re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)`", written, re.MULTILINE):
        if name not in ("KEYS_DIR", "DATABASE_URL"):
            assert str(getattr(settings, name.lower())) == value, name


def test_keys_are_made_once_in_development_and_only_their_owner_reads_them(tmp_path):
    folder = tmp_path / "keys"
    settings = Settings.from_environment({"KEYS_DIR": str(folder)})
    first, second = secret_keys.load(settings, MONDAY_9), secret_keys.load(settings, MONDAY_9)
    assert first.access_tokens == second.access_tokens
    each = (first.access_tokens, first.digests, first.photo_links, first.visit_links, first.visit_words)
    assert len(set(each)) == 5, "each secret serves one purpose"
    assert all(len(secret) == 32 for secret in each)
    for path in folder.iterdir():
        if path.suffix in (".key", ".pem"):
            assert path.stat().st_mode & 0o077 == 0, path.name


def test_production_refuses_keys_made_for_development(tmp_path):
    folder = str(tmp_path / "keys")
    secret_keys.load(Settings.from_environment({"KEYS_DIR": folder}), MONDAY_9)
    with pytest.raises(BadSetting, match="made for development"):
        secret_keys.load(read(KEYS_DIR=folder), MONDAY_9)


def test_production_makes_no_keys_of_its_own(tmp_path):
    folder = tmp_path / "keys"
    with pytest.raises(BadSetting, match="make them once"):
        secret_keys.load(read(KEYS_DIR=str(folder)), MONDAY_9)
    assert not folder.exists()


def made_for_production(folder: Path) -> dict[str, Any]:
    secret_keys.create(folder, MONDAY_9, for_development=False)
    return {"KEYS_DIR": str(folder)}


def test_production_takes_keys_that_were_made_for_it(tmp_path):
    settings = read(**made_for_production(tmp_path / "keys"))
    assert secret_keys.load(settings, MONDAY_9).access_tokens


def test_a_key_that_others_can_read_or_that_is_cut_short_is_refused(tmp_path):
    settings = read(**made_for_production(tmp_path / "keys"))
    key = tmp_path / "keys" / secret_keys.ACCESS_TOKENS
    os.chmod(key, 0o644)
    with pytest.raises(BadSetting, match="chmod 600"):
        secret_keys.load(settings, MONDAY_9)
    os.chmod(key, 0o600)
    key.write_bytes(b"short")
    with pytest.raises(BadSetting, match="damaged"):
        secret_keys.load(settings, MONDAY_9)


def test_keys_that_are_there_are_never_replaced(tmp_path):
    folder = tmp_path / "keys"
    made_for_production(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    secret_keys.create(folder, MONDAY_9, for_development=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
