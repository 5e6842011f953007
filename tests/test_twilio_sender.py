"""The real Twilio client against a stand-in that speaks its HTTP API: what each answer is taken to mean."""

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.message import Channel
from notifications.senders import senders_from, twilio_http
from notifications.senders.console import ConsoleSender
from notifications.senders.outcomes import Accepted, Later, Missing, Outgoing, Paused, Refused, Sought, Unclear
from notifications.senders.twilio import TwilioSender
from tests.carrier import ACCOUNT, TOKEN, Carrier, Fault
from tests.conftest import StoppedClock
from tests.sending import MONDAY

MESSAGE = UUID("00000000-0000-4000-8000-000000000001")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as carrier:
        yield carrier


@pytest.fixture
def sender(carrier: Carrier) -> Iterator[TwilioSender]:
    sender = _sender(carrier.base)
    yield sender
    sender.close()


def _sender(base: str, *, messaging_service_sid: str | None = None) -> TwilioSender:
    return TwilioSender(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+447700900999",
        public_base_url="https://visits.example/",
        api_base=base,
        messaging_service_sid=messaging_service_sid,
    )


def outgoing(reference: str = "7K3QX2AB", *, to: str = "+447700900123", valid_s: float = 3600) -> Outgoing:
    return Outgoing(MESSAGE, reference, to, f"Harrow Council: ... Ref {reference}", timedelta(seconds=valid_s))


def test_a_text_goes_with_its_expiry_and_the_way_back(carrier: Carrier, sender: TwilioSender) -> None:
    outcome = sender.send(outgoing())
    [text] = carrier.handsets
    assert outcome == Accepted(text.sid, "queued")
    assert text.form == {
        "To": "+447700900123",
        "From": "+447700900999",
        "Body": "Harrow Council: ... Ref 7K3QX2AB",
        "StatusCallback": f"https://visits.example/callbacks/twilio/status?message={MESSAGE}",
        "ValidityPeriod": "3600",
    }


@pytest.mark.parametrize(("seconds", "sent"), [(0.4, "1"), (36_000, "36000"), (86_400, "36000")])
def test_the_validity_period_is_one_twilio_takes(
    carrier: Carrier, sender: TwilioSender, seconds: float, sent: str
) -> None:
    sender.send(outgoing(valid_s=seconds))
    assert carrier.handsets[0].form["ValidityPeriod"] == sent


def test_a_messaging_service_takes_the_place_of_a_number(carrier: Carrier) -> None:
    sender = _sender(carrier.base, messaging_service_sid="MG1")
    sender.send(outgoing())
    sender.close()
    assert carrier.handsets[0].form["MessagingServiceSid"] == "MG1"
    assert "From" not in carrier.handsets[0].form


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(status=429, retry_after="7"), Later(timedelta(seconds=7))),
        (Fault(status=429), Later(timedelta(seconds=5))),
        (Fault(status=429, retry_after="Mon, 23 Nov 2026 09:00:07 GMT"), Later(timedelta(seconds=7))),
        (Fault(status=429, retry_after="Mon, 23 Nov 2026 08:00:00 GMT"), Later(timedelta(0))),
        (Fault(status=429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"), Later(timedelta(minutes=5))),
        (Fault(status=429, retry_after="soon"), Later(timedelta(seconds=5))),
        (Fault(status=429, retry_after="99999999999"), Later(timedelta(minutes=5))),
        (Fault(status=500), Unclear("http-500")),
        (Fault(status=503, retry_after="1"), Unclear("http-503")),
        (Fault(status=408), Unclear("http-408")),
        (Fault(status=302), Unclear("http-302")),
        (Fault(reset=True), Unclear("ConnectionError")),
        (Fault(), Unclear("ConnectionError")),
        (Fault(status=400, code=21211), Refused("21211")),
        (Fault(status=400, code=21614), Refused("21614")),
        (Fault(status=400, code=21610), Refused("21610", stopped=True)),
        (Fault(status=400), Refused("400")),
        (Fault(status=401, code=20003), Paused("20003")),
        (Fault(status=400, code=21408), Paused("21408")),
        (Fault(status=400, code=21606), Paused("21606")),
        (Fault(status=403), Paused("403")),
        (Fault(status=404, code=20404), Paused("20404")),
    ],
)
def test_each_answer_is_sorted_by_what_it_proves(
    carrier: Carrier, sender: TwilioSender, stopped_clock: StoppedClock, fault: Fault, outcome: object
) -> None:
    assert stopped_clock.now == MONDAY
    carrier.fail(fault)
    assert sender.send(outgoing()) == outcome


def test_a_time_out_proves_nothing(
    carrier: Carrier, sender: TwilioSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_http, "TIMEOUT_S", 0.2)
    carrier.fail(Fault(hang_s=1, accepted=True))
    assert sender.send(outgoing()) == Unclear("ReadTimeout")
    assert len(carrier.handsets) == 1


def test_the_time_out_is_ten_seconds() -> None:
    assert twilio_http.TIMEOUT_S == 10


def test_a_connection_never_made_carried_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sender = _sender(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert sender.send(outgoing()) == Later(timedelta(seconds=5))
        assert sender.find(Sought("7K3QX2AB", "+447700900123", LONG_AGO)) == Later(timedelta(seconds=5))
        sender.close()


def test_a_text_is_found_by_its_reference_on_any_page(carrier: Carrier, sender: TwilioSender) -> None:
    sender.send(outgoing("AAAA1111"))
    for number in range(120):
        sender.send(outgoing(f"{number:08}"))
    sender.send(outgoing("BBBB2222", to="+447700900456"))
    found = sender.find(Sought("AAAA1111", "+447700900123", LONG_AGO))
    assert isinstance(found, Accepted)
    assert found.carrier_id == carrier.handsets[0].sid
    assert found.accepted_at is not None
    assert carrier.look_ups == 3
    assert sender.find(Sought("BBBB2222", "+447700900123", LONG_AGO)) == Missing()
    assert sender.find(Sought("BBBB2222", "+447700900456", LONG_AGO)) != Missing()


def test_a_look_up_reads_no_further_than_the_text_could_be(carrier: Carrier, sender: TwilioSender) -> None:
    for number in range(120):
        sender.send(outgoing(f"{number:08}"))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert sender.find(Sought("AAAA1111", "+447700900123", soon)) == Missing()
    assert carrier.look_ups == 1


@pytest.mark.parametrize(
    "fault", [Fault(status=500), Fault(status=400), Fault(reset=True), Fault(status=429), Fault(status=401)]
)
def test_a_look_up_that_failed_is_never_taken_for_missing(
    carrier: Carrier, sender: TwilioSender, fault: Fault
) -> None:
    carrier.list_faults.append(fault)
    outcome = sender.find(Sought("7K3QX2AB", "+447700900123", LONG_AGO))
    assert isinstance(outcome, Unclear | Later | Paused)


def test_texts_go_side_by_side_over_one_pool(carrier: Carrier, sender: TwilioSender) -> None:
    carrier.latency_s = 0.1
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(sender.send, [outgoing(f"{number:08}") for number in range(32)]))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert carrier.most_in_flight == 16


def test_no_number_reaches_a_log_whatever_its_level(
    carrier: Carrier, sender: TwilioSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sender.send(outgoing())
    sender.find(Sought("7K3QX2AB", "+447700900123", LONG_AGO))
    assert "7700900123" not in caplog.text
    assert "Harrow" not in caplog.text


def test_the_settings_choose_the_sender() -> None:
    assert isinstance(senders_from(sms_sender="console", public_base_url="x")[Channel.TEXT], ConsoleSender)
    chosen = senders_from(
        sms_sender="twilio",
        public_base_url="https://visits.example",
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        from_number="+447700900999",
    )[Channel.TEXT]
    assert isinstance(chosen, TwilioSender)
    chosen.close()
    with pytest.raises(ValueError, match="Twilio needs"):
        senders_from(sms_sender="twilio", public_base_url="x", account_sid=ACCOUNT)
    with pytest.raises(ValueError, match="SMS_SENDER"):
        senders_from(sms_sender="pigeon", public_base_url="x")


def test_the_console_is_the_handset() -> None:
    console = ConsoleSender()
    assert console.send(outgoing()) == Accepted(f"local-{MESSAGE}", "delivered")
    assert console.find(Sought("7K3QX2AB", "+447700900123", LONG_AGO)) == Missing()
