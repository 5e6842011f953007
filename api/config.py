"""Settings, read from the environment once. docs/settings.md tells of each."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from models.missed_standard import Standard
from models.speeds import read_speeds, write_speeds
from models.travel import SPEEDS, TravelModel
from notifications.parts import Encoding, measure
from notifications.texts import plain

INSTANCE = Path(__file__).resolve().parent.parent / "instance"

SHORTEST_KEPT = 30
"""Days that what was promised, done and said is kept at the least."""

LONGEST_OVERRUN = 480
"""Minutes after the end of a visit: later than that is the next day, and no check on anybody."""

LATEST_FEEDBACK = 24 * 60
"""Minutes after a visit at which its resident still knows how it went."""

LONGEST_NAME, LONGEST_PHONE = 40, 20
LONGEST_IN_UCS2 = 34
"""Of the council's name and number, so that no text has "more than 2 parts in GSM-7, 3 in UCS-2" (rule 10)."""


class BadSetting(ValueError):
    """A setting is missing or cannot be meant; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between one installation and another."""

    app_env: str
    database_url: str
    public_base_url: str
    keys_dir: Path
    council_name: str
    council_phone: str
    sms_sender: str
    twilio_account_sid: str | None
    twilio_auth_token: str | None
    twilio_from: str | None
    twilio_messaging_service_sid: str | None
    twilio_voice_from: str | None
    twilio_api_base: str | None
    sms_parts_per_second: int
    calls_per_second: int
    smtp_url: str | None
    email_from: str
    duty_manager_phones: tuple[str, ...]
    lone_worker_minutes: int
    complaints_url: str | None
    redress_rule: str
    badge_issuer: str
    checks_per_minute: int
    travel_roads_bend: float
    travel_speeds: str
    travel_parking_seconds: int
    travel_unknown_seconds: int
    travel_farthest_km: int
    router: str
    router_url: str | None
    router_timeout_ms: int
    trusted_proxies: int
    feedback_after_minutes: int
    keep_messages_days: int
    keep_visits_days: int
    keep_residents_days: int
    log_level: str

    @property
    def production(self) -> bool:
        """Whether real residents are served: then nothing made for development is accepted."""
        return self.app_env == "production"

    @property
    def mail_folder(self) -> Path | None:
        """Where e-mails go when no mail server is set: a folder, and in production nowhere."""
        return None if self.production else INSTANCE / "mail"

    @property
    def travel(self) -> TravelModel:
        """How long journeys take: the figures that travel is reckoned with."""
        return TravelModel(
            roads_bend=self.travel_roads_bend,
            speeds=read_speeds(self.travel_speeds),
            to_park_s=self.travel_parking_seconds,
            unknown_s=self.travel_unknown_seconds,
            farthest_m=self.travel_farthest_km * 1000,
        )

    @property
    def redress(self) -> dict[Standard, int]:
        """What the council owes a resident for each standard that it missed, in pence."""
        return read_redress(self.redress_rule)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every setting. Raises BadSetting."""

        def text(name: str, default: str = "") -> str:
            return environ.get(name, "").strip() or default

        def number(name: str, default: int) -> int:
            value = text(name, str(default))
            if not value.isascii() or not value.isdigit():
                raise BadSetting(f"{name} must be a whole number, 0 or more, not {value!r}.")
            return int(value)

        def decimal(name: str, default: float) -> float:
            value = text(name, str(default))
            if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
                raise BadSetting(f"{name} must be a number such as {default}, not {value!r}.")
            return float(value)

        settings = cls(
            app_env=text("APP_ENV", "development"),
            database_url=text("DATABASE_URL", f"sqlite:///{INSTANCE / 'visits.sqlite3'}"),
            public_base_url=text("PUBLIC_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
            keys_dir=Path(text("KEYS_DIR", str(INSTANCE / "keys"))),
            council_name=text("COUNCIL_NAME", "Harrow Council"),
            council_phone=text("COUNCIL_PHONE", "020 7946 0123"),
            sms_sender=text("SMS_SENDER", "console"),
            twilio_account_sid=text("TWILIO_ACCOUNT_SID") or None,
            twilio_auth_token=text("TWILIO_AUTH_TOKEN") or None,
            twilio_from=text("TWILIO_FROM") or None,
            twilio_messaging_service_sid=text("TWILIO_MESSAGING_SERVICE_SID") or None,
            twilio_voice_from=text("TWILIO_VOICE_FROM") or _telephone(text("TWILIO_FROM")),
            twilio_api_base=text("TWILIO_API_BASE").rstrip("/") or None,
            sms_parts_per_second=number("SMS_PARTS_PER_SECOND", 0),
            calls_per_second=number("CALLS_PER_SECOND", 1),
            smtp_url=text("SMTP_URL") or None,
            email_from=text("EMAIL_FROM", "visits@council.example"),
            duty_manager_phones=tuple(text("DUTY_MANAGER_PHONES").replace(",", " ").split()),
            lone_worker_minutes=number("LONE_WORKER_MINUTES", 45),
            complaints_url=text("COMPLAINTS_URL") or None,
            redress_rule=text("REDRESS_RULE"),
            badge_issuer=text("BADGE_ISSUER", "harrow"),
            checks_per_minute=number("CHECKS_PER_MINUTE", 60),
            travel_roads_bend=decimal("TRAVEL_ROADS_BEND", 1.35),
            travel_speeds=text("TRAVEL_SPEEDS", write_speeds(SPEEDS)),
            travel_parking_seconds=number("TRAVEL_PARKING_SECONDS", 180),
            travel_unknown_seconds=number("TRAVEL_UNKNOWN_SECONDS", 600),
            travel_farthest_km=number("TRAVEL_FARTHEST_KM", 60),
            router=text("ROUTER", "none"),
            router_url=text("ROUTER_URL").rstrip("/") or None,
            router_timeout_ms=number("ROUTER_TIMEOUT_MS", 2000),
            trusted_proxies=number("TRUSTED_PROXIES", 0),
            feedback_after_minutes=number("FEEDBACK_AFTER_MINUTES", 0),
            keep_messages_days=number("KEEP_MESSAGES_DAYS", 365),
            keep_visits_days=number("KEEP_VISITS_DAYS", 730),
            keep_residents_days=number("KEEP_RESIDENTS_DAYS", 730),
            log_level=text("LOG_LEVEL", "INFO").upper(),
        )
        settings._check(environ)
        return settings

    def _check(self, environ: Mapping[str, str]) -> None:
        if self.app_env not in ("development", "production"):
            raise BadSetting("APP_ENV must be development or production.")
        base = _web_address("PUBLIC_BASE_URL", self.public_base_url, "https://visits.harrow.gov.uk")
        self._check_council()
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise BadSetting("LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
        if not re.fullmatch(r"[a-z]{1,6}", self.badge_issuer):
            raise BadSetting("BADGE_ISSUER must be 1 to 6 small letters: every QR code repeats it.")
        for name in ("keep_messages_days", "keep_visits_days", "keep_residents_days"):
            if getattr(self, name) < SHORTEST_KEPT:
                raise BadSetting(f"{name.upper()} must be {SHORTEST_KEPT} or more: a complaint needs its facts.")
        if self.feedback_after_minutes > LATEST_FEEDBACK:
            raise BadSetting(f"FEEDBACK_AFTER_MINUTES must be {LATEST_FEEDBACK} or less; 0 asks nobody.")
        if self.sms_sender not in ("console", "twilio"):
            raise BadSetting("SMS_SENDER must be console or twilio.")
        if self.sms_sender == "twilio":
            for name in ("twilio_account_sid", "twilio_auth_token"):
                if not getattr(self, name):
                    raise BadSetting(f"SMS_SENDER=twilio needs {name.upper()}.")
            if not (self.twilio_from or self.twilio_messaging_service_sid):
                raise BadSetting("SMS_SENDER=twilio needs TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID.")
        if self.smtp_url and not _is_mail_server(self.smtp_url):
            raise BadSetting("SMTP_URL must be an address such as smtp://user:password@mail.internal:587")
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", self.email_from):
            raise BadSetting("EMAIL_FROM must be an e-mail address such as visits@harrow.gov.uk")
        if not all(re.fullmatch(r"\+[1-9][0-9]{7,14}", phone) for phone in self.duty_manager_phones):
            raise BadSetting(
                "DUTY_MANAGER_PHONES must be numbers such as +447700900123, with commas between them."
            )
        if len(set(self.duty_manager_phones)) < len(self.duty_manager_phones):
            raise BadSetting("DUTY_MANAGER_PHONES names a number twice.")
        if self.complaints_url and not _is_page(self.complaints_url):
            raise BadSetting("COMPLAINTS_URL must be an address such as https://www.harrow.gov.uk/complaints")
        read_redress(self.redress_rule)
        if not 5 <= self.lone_worker_minutes <= LONGEST_OVERRUN:
            raise BadSetting(f"LONE_WORKER_MINUTES must be 5 to {LONGEST_OVERRUN}.")
        self._check_travel()
        self._check_router()
        if self.smtp_url and not environ.get("EMAIL_FROM", "").strip():
            raise BadSetting("SMTP_URL needs EMAIL_FROM, the address our e-mails come from.")
        if not self.production:
            return
        for name in ("DATABASE_URL", "KEYS_DIR", "PUBLIC_BASE_URL", "COUNCIL_PHONE"):
            if not environ.get(name, "").strip():
                raise BadSetting(f"In production {name} must be set.")
        if base.scheme != "https":
            raise BadSetting("In production PUBLIC_BASE_URL must begin with https://")
        if self.sms_sender == "console":
            raise BadSetting("In production SMS_SENDER must be a carrier: console sends nothing.")
        if self.twilio_api_base:
            raise BadSetting("TWILIO_API_BASE is for stand-ins and is refused in production.")

    def _check_council(self) -> None:
        name, phone = plain(self.council_name), plain(self.council_phone)
        if len(name) > LONGEST_NAME:
            raise BadSetting(
                f"COUNCIL_NAME may have {LONGEST_NAME} characters at most: every text begins with it."
            )
        if len(phone) > LONGEST_PHONE:
            raise BadSetting(f"COUNCIL_PHONE may have {LONGEST_PHONE} characters at most: every text holds it.")
        both = measure(name + phone)
        if both.encoding is Encoding.UCS2 and both.units > LONGEST_IN_UCS2:
            raise BadSetting(
                "COUNCIL_NAME or COUNCIL_PHONE has a letter outside the alphabet of texts (GSM-7). A text then"
                f" holds less than half: the two may have {LONGEST_IN_UCS2} characters together."
            )

    def _check_travel(self) -> None:
        """Figure by figure, so that the sentence names the setting that is wrong."""
        usual = TravelModel()
        for setting, change in (
            ("TRAVEL_ROADS_BEND", lambda: {"roads_bend": self.travel_roads_bend}),
            ("TRAVEL_SPEEDS", lambda: {"speeds": read_speeds(self.travel_speeds)}),
            ("TRAVEL_PARKING_SECONDS", lambda: {"to_park_s": self.travel_parking_seconds}),
            ("TRAVEL_UNKNOWN_SECONDS", lambda: {"unknown_s": self.travel_unknown_seconds}),
            ("TRAVEL_FARTHEST_KM", lambda: {"farthest_m": self.travel_farthest_km * 1000}),
        ):
            try:
                replace(usual, **change())
            except ValueError as error:
                raise BadSetting(f"{setting}: {error}") from None

    def _check_router(self) -> None:
        if self.router not in ("none", "osrm", "valhalla"):
            raise BadSetting("ROUTER must be none, osrm or valhalla.")
        if (self.router == "none") != (self.router_url is None):
            raise BadSetting("ROUTER and ROUTER_URL go together: which kind of server, and where it is.")
        if self.router_url:
            _web_address("ROUTER_URL", self.router_url, "http://osrm.internal:5000")
        if not 100 <= self.router_timeout_ms <= 30_000:
            raise BadSetting("ROUTER_TIMEOUT_MS must be 100 to 30000.")


def read_redress(rule: str) -> dict[Standard, int]:
    """`missed=10.00 late=2.50` as pence by standard. Raises BadSetting."""
    found = {}
    for part in rule.split():
        name, _, pounds = part.partition("=")
        if name not in set(Standard) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{2})?", pounds):
            raise BadSetting(
                "REDRESS_RULE must be pounds by standard, such as missed=10.00 late=2.50 short_notice=0"
            )
        found[Standard(name)] = round(float(pounds) * 100)
    return found


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def _telephone(sender: str) -> str | None:
    """The number texts come from, if it is one that can call: texts may also come from a word or a short code."""
    return sender if re.fullmatch(r"\+[0-9]{8,15}", sender) else None


def _is_mail_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _web_address(name: str, url: str, such_as: str) -> SplitResult:
    bad = BadSetting(f"{name} must be an address such as {such_as}")
    try:
        base = urlsplit(url)
        port_is_a_number = base.port is None or base.port > 0
    except ValueError:
        raise bad from None
    if base.scheme not in ("http", "https") or not base.hostname or not port_is_a_number:
        raise bad
    if base.query or base.fragment or base.username is not None:
        raise bad
    return base
