"""The words: what is in them, what never is, and how many parts they make."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.message import Message, MessageKind
from notifications.parts import GSM7_BASIC, GSM7_EXTENDED, Encoding, measure
from notifications.texts import WORDINGS, Council, in_language, plain, render

HARROW = Council("Harrow Council", "020 8863 5611")
WORST = Council("London Borough of Harrow", "+44 (0)20 8863 5611")
WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)
LONGEST = datetime(2026, 9, 30, 22, 55, tzinfo=UTC)


def message(kind: MessageKind, *, language: str = "en", at: datetime = WEDNESDAY, **times: datetime) -> Message:
    return Message(kind=kind, language=language, reference="7K3QX2AB", starts_at=at, **times)


def every_text(language: str, at: datetime) -> list[Message]:
    soon, later = at + timedelta(minutes=5), at + timedelta(minutes=35)
    delayed = MessageKind.DELAYED
    return [
        message(MessageKind.BOOKED, language=language, at=at),
        message(MessageKind.MOVED, language=language, at=at, previous_starts_at=at),
        message(MessageKind.CANCELLED, language=language, at=at),
        message(delayed, language=language, at=at, expected_at=later),
        message(delayed, language=language, at=at, expected_at=soon, previous_expected_at=later),
        message(delayed, language=language, at=at, expected_at=at, previous_expected_at=later),
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


@pytest.mark.parametrize("language", WORDINGS)
def test_the_worst_values_make_at_most_two_parts(language: str) -> None:
    for each in every_text(language, LONGEST):
        size = measure(render(each, WORST))
        assert size.parts <= (2 if size.encoding is Encoding.GSM7 else 3)


def test_english_is_gsm7() -> None:
    for each in every_text("en", LONGEST):
        assert measure(render(each, WORST)).encoding is Encoding.GSM7


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


# Rows of TwilioDevEd/message-segment-calculator a50230f (MIT)
# and of alphagov/notifications-utils a9af02a (MIT).
@pytest.mark.parametrize(
    ("text", "encoding", "parts", "source"),
    [
        ("1234567890" * 16, "GSM-7", 1, "twilio"),
        ("1234567890" * 16 + "1", "GSM-7", 2, "twilio"),
        ("1234567890" * 30 + "1234567", "GSM-7", 3, "twilio"),
        ("\U0001f61c" + "2345678901" * 6 + "23456789", "UCS-2", 1, "twilio"),
        ("\U0001f61c" + "2345678901" * 6 + "234567890", "UCS-2", 2, "twilio"),
        ("\U0001f61c" + "2345678901" * 13 + "234", "UCS-2", 3, "twilio"),
        ("\U0001f1ee\U0001f1f9" + "2345678901" * 6 + "234567", "UCS-2", 1, "twilio"),
        ("\U0001f1ee\U0001f1f9" + "2345678901" * 6 + "2345678", "UCS-2", 2, "twilio"),
        ("à" * 71, "GSM-7", 1, "notify"),
        ("à" * 160, "GSM-7", 1, "notify"),
        ("à" * 161, "GSM-7", 2, "notify"),
        ("à" * 307, "GSM-7", 3, "notify"),
        ("ÿ" * 70, "UCS-2", 1, "notify"),
        ("ÿ" * 71, "UCS-2", 2, "notify"),
        ("ÿ" * 135, "UCS-2", 3, "notify"),
        ("^" * 80, "GSM-7", 1, "notify"),
        ("^" * 81, "GSM-7", 2, "notify"),
    ],
)
def test_parts_are_counted_as_the_carrier_counts(text: str, encoding: str, parts: int, source: str) -> None:
    assert (measure(text).encoding, measure(text).parts) == (encoding, parts)


def test_an_escaped_character_is_never_split_between_parts() -> None:
    """306 septets fill two parts exactly, unless an escape would straddle the border."""
    assert measure("a" * 304 + "€").parts == 2
    assert measure("a" * 152 + "€" + "a" * 152).parts == 3


def test_a_surrogate_pair_is_never_split_between_parts() -> None:
    assert measure("ж" * 66 + "\U0001f61c" + "ж" * 66).parts == 3
    assert measure("ж" * 65 + "\U0001f61c" + "ж" * 67).parts == 2


@given(st.text(alphabet=[*sorted(GSM7_BASIC | GSM7_EXTENDED), "ж", "\U0001f61c"], max_size=700))
def test_parts_are_as_many_as_their_units_need_or_one_more_for_each_border(text: str) -> None:
    size = measure(text)
    single, several = (160, 153) if size.encoding is Encoding.GSM7 else (70, 67)
    if size.units <= single:
        assert size.parts == 1
    else:
        assert -(-size.units // several) <= size.parts <= -(-size.units // (several - 1))
