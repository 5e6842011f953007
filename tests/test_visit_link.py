"""The code of a visit's page: made from its reference and a secret, so that nobody can guess one."""

import secrets
from datetime import UTC, datetime

import pytest

from models import database
from models.message import Channel, Message, MessageKind
from models.reference import ALPHABET, new_visit_reference
from models.visit_link import VisitLinks
from notifications.dispatcher import Dispatcher
from notifications.parts import Encoding, measure
from notifications.texts import WORDINGS, Council
from notifications.words import LINK_KEPT, render
from tests.steps import book, path
from tests.test_texts import LONGEST_NAMES, longest_day

LINKS = VisitLinks(b"k" * 32, "https://visits.harrow.gov.uk")
WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)


def message(kind: MessageKind = MessageKind.BOOKED, channel: Channel = Channel.TEXT, **more: object) -> Message:
    return Message(
        kind=kind, channel=channel, language="en", reference="7K3QX2AB", **{"starts_at": WEDNESDAY} | more
    )


def test_a_code_leads_back_to_its_visit() -> None:
    for _ in range(500):
        reference = new_visit_reference()
        code = LINKS.code(reference)
        assert len(code) == 23 and set(code) <= set(ALPHABET)
        assert LINKS.reference_of(code) == reference


def test_a_code_typed_from_a_letter_may_have_small_letters_and_letters_that_look_like_numbers() -> None:
    code = LINKS.code("HV-7K2M-9XQ4")
    assert LINKS.reference_of(code.lower()) == LINKS.reference_of(code)
    assert LINKS.reference_of(code.replace("1", "l").replace("0", "o")) == LINKS.reference_of(code)


def test_every_change_of_one_character_and_every_truncation_is_refused() -> None:
    code = LINKS.code(new_visit_reference())
    for place, right in enumerate(code):
        for other in set(ALPHABET) - {right}:
            assert LINKS.reference_of(code[:place] + other + code[place + 1 :]) is None
        assert LINKS.reference_of(code[:place]) is None
    assert LINKS.reference_of(code + "0") is None


@pytest.mark.parametrize("code", ["", "x", "\0" * 23, "é" * 23, "U" * 23, "0" * 23, "A" * 10_000, "ı" * 23])
def test_what_is_no_code_is_refused(code: str) -> None:
    assert LINKS.reference_of(code) is None


def test_whoever_has_the_reference_but_not_the_secret_makes_no_code() -> None:
    reference = new_visit_reference()
    other = VisitLinks(secrets.token_bytes(32), LINKS.base_url)
    assert LINKS.reference_of(other.code(reference)) is None


def test_the_secret_is_not_in_what_a_log_would_print() -> None:
    assert "kkkk" not in repr(LINKS)


# In the texts


def test_the_booking_text_holds_the_link_and_what_is_kept_of_it_does_not() -> None:
    said = render(message(), Council("Harrow Council", "020 8863 5611", LINKS), "HV-7K2M-9XQ4")
    link = LINKS.url("HV-7K2M-9XQ4")
    assert f" See who will come: {link} Ref 7K3QX2AB" in said.body
    assert said.parts == 2
    assert said.kept == said.body.replace(link, LINK_KEPT)
    assert LINKS.code("HV-7K2M-9XQ4") not in said.kept


def test_an_email_of_a_booking_holds_the_link_too_and_a_spoken_call_does_not() -> None:
    council = Council("Harrow Council", "020 8863 5611", LINKS)
    assert LINKS.url("HV-7K2M-9XQ4") in render(message(channel=Channel.EMAIL), council, "HV-7K2M-9XQ4").body
    assert "/v/" not in render(message(channel=Channel.CALL), council, "HV-7K2M-9XQ4").body


def test_no_other_text_holds_a_link() -> None:
    council = Council("Harrow Council", "020 8863 5611", LINKS)
    for kind in set(MessageKind) - {MessageKind.BOOKED}:
        other = message(kind, previous_starts_at=WEDNESDAY, expected_at=WEDNESDAY)
        assert "/v/" not in render(other, council, "HV-7K2M-9XQ4").body


@pytest.mark.parametrize("council", LONGEST_NAMES, ids=lambda council: f"{council.name} {council.phone}")
@pytest.mark.parametrize("host", ["v.uk", "visits.harrow.gov.uk", "a" * 60 + ".example"])
@pytest.mark.parametrize("language", WORDINGS)
def test_the_link_never_makes_a_text_too_long(council: Council, host: str, language: str) -> None:
    with_links = Council(council.name, council.phone, VisitLinks(b"k" * 32, f"https://{host}"))
    booked = message(starts_at=longest_day(language))
    said = render(booked, with_links, "HV-7K2M-9XQ4")
    size = measure(said.body)
    assert size.parts <= (2 if size.encoding is Encoding.GSM7 else 3)
    assert size.parts == said.parts


def test_a_council_of_an_ordinary_name_has_the_link_in_its_texts() -> None:
    for council in LONGEST_NAMES[:2]:
        said = render(message(), Council(council.name, council.phone, LINKS), "HV-7K2M-9XQ4")
        assert "/v/" in said.body, council.name


def test_a_text_is_sent_with_the_link_and_the_database_alone_gives_nobody_one(
    app, carrier, sender, stopped_clock, scheduler, resident, officer
):
    booked = book(scheduler, resident, officer)
    stopped_clock.advance(600)
    council = Council("Harrow Council", "020 8863 5611", app.extensions["visit_links"])
    dispatcher = Dispatcher({Channel.TEXT: sender}, council)
    assert dispatcher.send_due() == 1
    dispatcher.close()
    code = app.extensions["visit_links"].code(booked["reference"])
    assert f"http://127.0.0.1:8000/v/{code} " in carrier.handsets[0].body
    assert f"{LINK_KEPT} " in scheduler.get(path(booked, "messages")).json["items"][0]["body"]
    with database.reading() as session:
        rows = [
            repr(row) for table in database.Base.metadata.sorted_tables for row in session.execute(table.select())
        ]
    assert any(LINK_KEPT in row for row in rows)
    assert not any(code in row for row in rows)
