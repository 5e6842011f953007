"""Duty managers are told of each incident by a text: once each, never lost, and the incident says who and when."""

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from api import create_app
from api.config import Settings
from models.database import reading, transaction
from models.incident import Incident, IncidentAlert, IncidentKind, open_incident
from models.staff_text import AlertStatus
from notifications.alerts import AlertSender, words_of
from notifications.parts import Encoding, measure
from notifications.senders.twilio import TwilioSender
from notifications.staff_texts import LEASE
from tests.carrier import Carrier, Fault
from tests.conftest import Client, StoppedClock
from tests.steps import MONDAY_9, problem

MANAGERS = ("+447700900201", "+447700900202")


@pytest.fixture
def alerts(app: Flask, sender: TwilioSender) -> AlertSender:
    return AlertSender(sender, "Harrow Council", MANAGERS)


@pytest.fixture
def incident(app: Flask) -> str:
    """The reference of an incident."""
    with transaction() as session:
        return open_incident(session, IncidentKind.BADGE_COPIED, at=MONDAY_9)


def statuses() -> list[str]:
    with reading() as session:
        return [alert.status for alert in session.scalars(select(IncidentAlert).order_by(IncidentAlert.to_number))]


class TestWhoIsTold:
    def test_each_manager_gets_one_text_that_names_the_incident_and_nobody(
        self, alerts: AlertSender, carrier: Carrier, incident: str
    ) -> None:
        assert alerts.send_due() == 2
        assert alerts.send_due() == 0
        assert sorted(text.to for text in carrier.handsets) == list(MANAGERS)
        body = carrier.handsets[0].body
        assert body.startswith(
            f"Harrow Council: a badge may be copied. Mon 23 Nov 2026 09:00:00 GMT. Incident {incident}."
        )

    def test_the_incident_says_who_was_told_and_when(
        self, alerts: AlertSender, incident: str, stopped_clock: StoppedClock, admin: Client
    ) -> None:
        assert admin.get("/v1/incidents").json["items"][0]["told"] == []
        stopped_clock.advance(3)
        alerts.send_due()
        (shown,) = admin.get("/v1/incidents").json["items"]
        assert shown["told"] == [
            {"to": manager, "status": "sent", "sent_at": "2026-11-23T09:00:03Z", "error_code": None}
            for manager in MANAGERS
        ]

    def test_an_incident_that_happens_again_is_told_once_and_after_its_closing_again(
        self, alerts: AlertSender, carrier: Carrier, incident: str, admin: Client
    ) -> None:
        def again() -> int:
            with transaction() as session:
                open_incident(session, IncidentKind.BADGE_COPIED, at=MONDAY_9)
            return alerts.send_due()

        assert (alerts.send_due(), again()) == (2, 0)
        (shown,) = admin.get("/v1/incidents").json["items"]
        assert admin.patch(f"/v1/incidents/{shown['id']}", {"status": "closed"}).status_code == 200
        assert again() == 2

    def test_what_happened_before_yesterday_is_told_to_nobody(
        self, alerts: AlertSender, incident: str, stopped_clock: StoppedClock
    ) -> None:
        stopped_clock.advance(25 * 3600)
        assert alerts.send_due() == 0
        assert statuses() == []

    @pytest.mark.parametrize("kind", IncidentKind)
    def test_every_kind_has_words_that_fit_in_two_parts(self, kind: IncidentKind) -> None:
        some = Incident(kind=kind, reference="HC-7K2M-9XQ4", opened_at=MONDAY_9)
        measured = measure(words_of(some, "H" * 40, "7K3QX2AB"))
        assert (measured.encoding, measured.parts <= 2) == (Encoding.GSM7, True)


class TestNeverTwice:
    def test_a_text_that_may_have_gone_is_looked_up_and_not_sent_again(
        self, alerts: AlertSender, carrier: Carrier, incident: str, stopped_clock: StoppedClock
    ) -> None:
        carrier.faults.append(Fault(reset=True, accepted=True))
        assert alerts.send_due() == 1
        assert sorted(statuses()) == ["sent", "unclear"]
        stopped_clock.advance(61)
        assert alerts.send_due() == 1
        assert (statuses(), len(carrier.handsets)) == (["sent", "sent"], 2)

    def test_one_that_did_not_go_is_sent_after_the_look_up(
        self, alerts: AlertSender, carrier: Carrier, incident: str, stopped_clock: StoppedClock
    ) -> None:
        carrier.faults.append(Fault(reset=True))
        alerts.send_due()
        for _ in range(3):
            stopped_clock.advance(61)
            alerts.send_due()
        assert statuses() == ["sent", "sent"]
        assert sorted(text.to for text in carrier.handsets) == list(MANAGERS)

    def test_one_whose_sender_died_is_looked_up_first(
        self, alerts: AlertSender, carrier: Carrier, incident: str, stopped_clock: StoppedClock
    ) -> None:
        alerts.send_due()
        with transaction() as session:
            # As a process leaves it that died between the carrier's answer and its own note.
            session.execute(update(IncidentAlert).values(status=AlertStatus.CLAIMED, sent_at=None))
        assert alerts.send_due() == 0
        stopped_clock.advance(LEASE.total_seconds() + 1)
        assert alerts.send_due() == 2
        assert (statuses(), len(carrier.handsets)) == (["sent", "sent"], 2)

    def test_a_busy_carrier_is_asked_again_later(
        self, alerts: AlertSender, carrier: Carrier, incident: str, stopped_clock: StoppedClock
    ) -> None:
        carrier.faults.extend([Fault(status=429, code=20429), Fault(status=429, code=20429)])
        assert alerts.send_due() == 0
        assert statuses() == ["waiting", "waiting"]
        stopped_clock.advance(120)
        assert alerts.send_due() == 2

    def test_a_sender_that_breaks_stops_nobody_and_its_text_is_looked_up(
        self,
        alerts: AlertSender,
        sender: TwilioSender,
        carrier: Carrier,
        incident: str,
        stopped_clock: StoppedClock,
    ) -> None:
        stop = threading.Event()

        def break_down(*_: object) -> None:
            stop.set()
            raise ZeroDivisionError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sender, "send", break_down)
            alerts.run(stop)
        assert statuses() == ["claimed", "claimed"]
        for _ in range(3):
            stopped_clock.advance(LEASE.total_seconds() + 1)
            alerts.send_due()
        assert statuses() == ["sent", "sent"]
        assert len(carrier.handsets) == 2

    def test_a_number_that_the_carrier_refuses_is_said_to_be_so(
        self, alerts: AlertSender, carrier: Carrier, incident: str, admin: Client
    ) -> None:
        carrier.faults.append(Fault(status=400, code=21211))
        assert alerts.send_due() == 1
        told = admin.get("/v1/incidents").json["items"][0]["told"]
        assert sorted((each["status"], each["error_code"]) for each in told) == [
            ("failed", "21211"),
            ("sent", None),
        ]

    def test_what_could_not_be_sent_for_a_day_is_given_up(
        self, alerts: AlertSender, carrier: Carrier, incident: str, stopped_clock: StoppedClock
    ) -> None:
        carrier.plan = lambda *_: Fault(status=429, code=20429)
        alerts.send_due()
        stopped_clock.advance(24 * 3600)
        alerts.send_due()
        assert statuses() == ["failed", "failed"]
        assert carrier.handsets == []


class TestIncidentsInTheApi:
    @pytest.fixture
    def some(self, app: Flask) -> list[str]:
        """Five incidents, two of each moment."""
        with transaction() as session:
            for number, kind in enumerate(list(IncidentKind)[:5]):
                open_incident(session, kind, at=MONDAY_9 + timedelta(minutes=number // 2))
        with reading() as session:
            return [str(found) for found in session.scalars(select(Incident.id))]

    def test_they_are_listed_once_each_the_newest_first(self, some: list[str], scheduler: Client) -> None:
        found: list[Any] = []
        cursor = ""
        while True:
            answer = scheduler.get(f"/v1/incidents?limit=2{cursor}").json
            found += answer["items"]
            if answer["next_cursor"] is None:
                break
            cursor = f"&cursor={answer['next_cursor']}"
        assert sorted(each["id"] for each in found) == sorted(some)
        times = [each["opened_at"] for each in found]
        assert times == sorted(times, reverse=True)

    def test_they_can_be_asked_for_by_status_and_kind(self, some: list[str], admin: Client) -> None:
        assert admin.patch(f"/v1/incidents/{some[0]}", {"status": "closed"}).status_code == 200
        assert len(admin.get("/v1/incidents?status=open").json["items"]) == len(some) - 1
        (closed,) = admin.get("/v1/incidents?status=closed").json["items"]
        assert closed["id"] == some[0]
        assert len(admin.get("/v1/incidents?kind=scan_flood").json["items"]) == 1

    def test_closing_says_who_when_and_what_came_of_it(
        self, some: list[str], scheduler: Client, admin: Client, stopped_clock: StoppedClock
    ) -> None:
        stopped_clock.advance(60)
        path = f"/v1/incidents/{some[0]}"
        closed = scheduler.patch(path, {"status": "closed", "note": "Rang the police."}).json
        assert (closed["status"], closed["note"]) == ("closed", "Rang the police.")
        assert closed["closed_at"] == "2026-11-23T09:01:00Z"
        stopped_clock.advance(60)
        again = admin.patch(path, {"status": "closed"}).json
        assert (again["closed_at"], again["closed_by_id"]) == (closed["closed_at"], closed["closed_by_id"])
        reopened = admin.patch(path, {"status": "open"}).json
        assert (reopened["status"], reopened["closed_at"], reopened["note"]) == ("open", None, "Rang the police.")

    def test_one_that_was_reopened_stands_beside_what_happened_since(self, incident: str, admin: Client) -> None:
        (first,) = admin.get("/v1/incidents").json["items"]
        path = f"/v1/incidents/{first['id']}"
        admin.patch(path, {"status": "closed"})
        with transaction() as session:
            assert open_incident(session, IncidentKind.BADGE_COPIED, at=MONDAY_9) != incident
        assert admin.patch(path, {"status": "open"}).status_code == 200
        assert len(admin.get("/v1/incidents?status=open").json["items"]) == 2

    def test_nobody_knows_one_that_is_not_there(self, app: Flask, admin: Client) -> None:
        problem(admin.get(f"/v1/incidents/{uuid4()}"), 404, "not-found")
        problem(admin.patch(f"/v1/incidents/{uuid4()}", {"note": "x"}), 404, "not-found")


def test_the_command_that_sends_texts_tells_the_duty_managers(environment: dict[str, str], incident: str) -> None:
    settings = Settings.from_environment(environment | {"DUTY_MANAGER_PHONES": ",".join(MANAGERS)})
    result = create_app(settings).test_cli_runner().invoke(args=["send-texts", "--once"])
    assert result.exit_code == 0
    assert statuses() == ["sent", "sent"]
