"""The words: what is in them, what never is, and how many parts they make."""

import unicodedata
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.config import Settings
from models.message import Message, MessageKind
from notifications.parts import Encoding, measure
from notifications.texts import ANSWERS, WORDINGS, Council, in_language, plain, render

HARROW = Council("Harrow Council", "020 8863 5611")
LONGEST_NAMES = [
    Council("London Borough of Harrow", "+44 (0)20 8863 5611"),
    Council("W" * 40, "0" * 20),
    Council("€" * 40, "[" * 20),
    Council("ŵ" * 14, "0" * 20),
    Council("ŵ" * 31, "999"),
]
"""Names and numbers as long as the settings allow: plain, escaped in GSM-7, and in UCS-2."""

WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)


def message(kind: MessageKind, *, language: str = "en", at: datetime = WEDNESDAY, **more: Any) -> Message:
    return Message(kind=kind, language=language, reference="7K3QX2AB", starts_at=at, **more)


def every_text(language: str, at: datetime) -> list[Message]:
    soon, later = at + timedelta(minutes=5), at + timedelta(minutes=35)
    delayed = MessageKind.DELAYED
    return [
        message(MessageKind.BOOKED, language=language, at=at),
        message(MessageKind.MOVED, language=language, at=at, previous_starts_at=at),
        message(MessageKind.CANCELLED, language=language, at=at),
        message(MessageKind.ANOTHER_OFFICER, language=language, at=at),
        message(MessageKind.MISSED, language=language, at=at),
        message(MessageKind.CAME_AFTER_ALL, language=language, at=at),
        message(MessageKind.NO_ACCESS, language=language, at=at),
        message(MessageKind.FEEDBACK, language=language, at=at),
        message(MessageKind.WE_DID, language=language, at=at, said="We did."),
        message(delayed, language=language, at=at, expected_at=later),
        message(delayed, language=language, at=at, expected_at=soon, previous_expected_at=later),
        message(delayed, language=language, at=at, expected_at=at, previous_expected_at=later),
    ] + [
        message(delayed, language=language, at=at, window_from_at=told, window_to_at=soon, **expected)
        for told, expected in (
            (later, {"expected_at": later}),
            (soon, {"expected_at": soon, "previous_expected_at": later}),
            (at, {"expected_at": at, "previous_expected_at": later}),
        )
    ]


def test_a_moved_text_holds_the_old_and_the_new_time() -> None:
    moved = message(MessageKind.MOVED, previous_starts_at=WEDNESDAY - timedelta(days=2, hours=-4))
    assert render(moved, HARROW) == (
        "Harrow Council: we have changed the time of our visit to your home. It was Mon 23 Nov 14:00."
        " It is now Wed 25 Nov 10:00. If this does not suit you, please call 020 8863 5611. Ref 7K3QX2AB"
    )


def test_times_are_londons() -> None:
    summer = message(MessageKind.BOOKED, at=datetime(2026, 7, 1, 9, 5, tzinfo=UTC))
    assert "Wed 1 Jul 10:05" in render(summer, HARROW)


def test_a_late_text_says_about_when() -> None:
    late = message(MessageKind.DELAYED, expected_at=WEDNESDAY + timedelta(minutes=35))
    assert "running late" in render(late, HARROW)
    assert "about 10:35" in render(late, HARROW)


def test_a_late_text_that_was_foreseen_says_between_when_and_when() -> None:
    window = {
        "window_from_at": WEDNESDAY + timedelta(minutes=30),
        "window_to_at": WEDNESDAY + timedelta(minutes=45),
    }
    late = message(MessageKind.DELAYED, expected_at=WEDNESDAY + timedelta(minutes=40), **window)
    assert render(late, HARROW) == (
        "Harrow Council: we are sorry, our visit on Wed 25 Nov 10:00 is running late. We expect to be with"
        " you between 10:30 and 10:45. If this does not suit you, please call 020 8863 5611. Ref 7K3QX2AB"
    )


def test_good_news_is_told_as_such() -> None:
    told = WEDNESDAY + timedelta(minutes=35)
    sooner = message(MessageKind.DELAYED, expected_at=WEDNESDAY + timedelta(minutes=5), previous_expected_at=told)
    on_time = message(MessageKind.DELAYED, expected_at=WEDNESDAY, previous_expected_at=told)
    assert "sooner, about 10:05" in render(sooner, HARROW)
    assert "back on time" in render(on_time, HARROW)


@pytest.mark.parametrize("language", WORDINGS)
def test_every_text_names_the_council_its_number_and_its_reference(language: str) -> None:
    for each in every_text(language, WEDNESDAY):
        text = render(each, HARROW)
        assert text.startswith("Harrow Council: ")
        assert "020 8863 5611" in text
        assert text.endswith("7K3QX2AB")
        assert "Wed 25 Nov 10:00" in text


@pytest.mark.parametrize("language", WORDINGS)
def test_no_text_holds_a_link_or_says_today(language: str) -> None:
    for each in every_text(language, WEDNESDAY):
        text = render(each, HARROW).lower()
        assert not any(word in text for word in ("http", "www", "/v/", "today", "tomorrow"))


def longest_day(language: str) -> datetime:
    """The day that this language takes the most letters for."""
    evening = datetime(2026, 1, 1, 22, 55, tzinfo=UTC)
    days = [evening + timedelta(days=day) for day in range(7 * 365)]
    return max(days, key=lambda day: len(in_language(WORDINGS, language).day_and_time(day)))


@pytest.mark.parametrize("council", LONGEST_NAMES, ids=lambda council: f"{council.name} {council.phone}")
@pytest.mark.parametrize("language", WORDINGS)
def test_the_worst_values_make_at_most_two_parts_in_gsm7_and_three_in_ucs2(
    language: str, council: Council
) -> None:
    messages = every_text(language, longest_day(language))
    assert {each.kind for each in messages} == set(MessageKind)
    for each in messages:
        size = measure(render(each, council))
        assert size.parts <= (2 if size.encoding is Encoding.GSM7 else 3), each.kind


@pytest.mark.parametrize("council", LONGEST_NAMES, ids=lambda council: f"{council.name} {council.phone}")
@pytest.mark.parametrize("language", ANSWERS)
def test_the_answers_to_replies_are_no_longer(language: str, council: Council) -> None:
    words, day = in_language(WORDINGS, language), longest_day(language)
    values = {"council": council.name, "phone": council.phone}
    values |= {"start": words.day_and_time(day), "eta": words.time(day), "by": words.day_and_time(day)}
    for name, sentence in asdict(ANSWERS[language]).items():
        size = measure(plain(sentence.format(**values)))
        assert size.parts <= (2 if size.encoding is Encoding.GSM7 else 3), name


@pytest.mark.parametrize("council", LONGEST_NAMES, ids=lambda council: f"{council.name} {council.phone}")
def test_the_worst_values_are_what_the_settings_allow(council: Council) -> None:
    settings = Settings.from_environment({"COUNCIL_NAME": council.name, "COUNCIL_PHONE": council.phone})
    assert Council(settings.council_name, settings.council_phone) == council


def test_english_is_gsm7() -> None:
    for each in every_text("en", longest_day("en")):
        assert measure(render(each, HARROW)).encoding is Encoding.GSM7


@pytest.mark.parametrize("language", ["en-GB", "EN-gb", "xx", ""])
def test_a_language_without_words_of_its_own_gets_english(language: str) -> None:
    assert in_language(WORDINGS, language) is WORDINGS["en"]


def test_a_text_that_lacks_a_time_is_not_sent_half_said() -> None:
    for kind in (MessageKind.MOVED, MessageKind.DELAYED):
        with pytest.raises(ValueError, match="needs the time"):
            render(message(kind), HARROW)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("\u2018Harrow\u2019 \u201cCouncil\u201d", "'Harrow' \"Council\""),
        ("9\u201317 \u2014 ring\u2026", "9-17 - ring..."),
        ("no\u00a0break\u202fzero\u200bwidth", "no break zerowidth"),
        ("ŵ ł ą Ж é", "ŵ ł ą Ж é"),
        ("c\u0327", "ç"),
    ],
)
def test_curly_quotes_and_dashes_are_made_plain_and_letters_never(typed: str, sent: str) -> None:
    assert plain(typed) == sent


@given(st.text(st.characters(categories=["L"])))
def test_no_letter_of_any_script_is_ever_changed(letters: str) -> None:
    letters = unicodedata.normalize("NFC", letters)
    assert plain(letters) == letters
