"""How many parts a text makes: as Twilio counts, on its published examples and on thousands of texts at random."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.clusters import clusters
from notifications.parts import GSM7_BASIC, GSM7_EXTENDED, Encoding, measure
from tests import published
from tests.random_texts import HOW_MANY, random_texts

TWILIO = published.read("sms/twilio_segments.json")["segments"]
NOTIFY = published.read("sms/notify_sms_fragments.json")
RANDOM = published.read("sms/twilio_random_texts.json")["counts"]

# 3GPP TS 23.038, section 6.2.1, row by row; 0x1B is the escape.
GSM7_CHART = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPES = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F,
    "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip


def test_the_alphabet_is_the_standards() -> None:
    assert len(GSM7_CHART) == 128
    assert frozenset(GSM7_CHART) - {"\x1b"} == GSM7_BASIC
    assert frozenset(ESCAPES) == GSM7_EXTENDED


# Twilio's own examples


@pytest.mark.parametrize("row", TWILIO, ids=lambda row: row["testDescription"])
def test_twilios_examples_are_counted_as_twilio_counts(row: dict[str, Any]) -> None:
    size = measure(row["body"])
    assert (size.encoding, size.parts) == (row["encoding"], row["segments"])
    bits = 7 if size.encoding is Encoding.GSM7 else 16
    assert size.units * bits == row["messageSize"]
    assert len(clusters(row["body"])) == row["characters"]


def test_four_thousand_texts_at_random_are_counted_as_twilios_calculator_counted_them() -> None:
    counts = " ".join(RANDOM).split()
    assert len(counts) == HOW_MANY
    ours = [f"{size.encoding[0]}{size.parts}" for size in map(measure, random_texts())]
    assert [pair for pair in zip(ours, counts, strict=True) if pair[0] != pair[1]] == []


# GOV.UK Notify's examples

PLACEHOLDER = "(( placeholder with "
"""Notify counts a template before its placeholders are filled; what it counts is the text without them."""

ROCKETS = [row for row in NOTIFY["fragments"] if "🚀" in row[0]]
"""Left out: Notify turns an emoji into a question mark before it counts. We send it as it is."""

FRAGMENTS = [row for row in NOTIFY["fragments"] if row not in ROCKETS]


@pytest.mark.parametrize(("text", "parts", "in_last"), FRAGMENTS)
def test_notifys_examples_are_counted_as_notify_counts(text: str, parts: int, in_last: int) -> None:
    """`in_last` is what lies beyond the length at which one part fewer would do."""
    size = measure(text.partition(PLACEHOLDER)[0])
    assert size.parts == parts
    single, several = (160, 153) if size.encoding is Encoding.GSM7 else (70, 67)
    before = {1: 0, 2: single}.get(parts, (parts - 1) * several)
    assert size.units - before == in_last


def test_only_notifys_two_rows_of_emoji_are_left_out_and_we_count_what_they_cost() -> None:
    assert [(len(text), parts) for text, parts, _ in ROCKETS] == [(160, 1), (161, 2)]
    assert [measure(text).parts for text, _, _ in ROCKETS] == [5, 5]


@pytest.mark.parametrize(("text", "units"), NOTIFY["utf16_units"])
def test_notifys_examples_have_as_many_units_as_notify_says(text: str, units: int) -> None:
    assert measure(text).units == units


# Any text, against a plain packing

GSM7 = st.sampled_from([*GSM7_CHART.replace("\x1b", ""), *ESCAPES])
BEYOND_GSM7 = st.sampled_from(
    [
        *("ж", "ŵ", "’", "Ł", "你", "क", "\U00020bb7", "😜", "\u2028"),
        *("e\u0301", "g\u0306\u0301", "क्", "की", "ગુ", "กำ", "நி", "שָׁ"),
        *("👍🏽", "🇬🇧", "🏳️‍🌈", "👨‍👩‍👧‍👦", "❤️", "1️⃣"),
    ]
)


def runs(characters: st.SearchStrategy[str], longest: int) -> st.SearchStrategy[list[str]]:
    """Characters in runs: texts long enough to have borders, from few choices."""
    run = st.tuples(characters, st.integers(1, longest)).map(lambda drawn: [drawn[0]] * drawn[1])
    return st.lists(run, max_size=12).map(lambda many: [each for one in many for each in one])


def packed(characters: list[str]) -> list[bytes]:
    """The parts of a text as a carrier would send them: whole characters put one after the other into 140
    octets, 134 of them where there are several parts."""
    if all(character in GSM7_CHART or character in ESCAPES for character in characters):
        encoded, single, several = [gsm7(character) for character in characters], 160, 153
    else:
        encoded, single, several = [character.encode("utf-16-be") for character in characters], 140, 134
    if sum(map(len, encoded)) <= single:
        return [b"".join(encoded)]
    parts = [b""]
    for piece in encoded:
        if len(parts[-1] + piece) > several:
            parts.append(b"")
        parts[-1] += piece
    return parts


def gsm7(character: str) -> bytes:
    """One character's septets, an octet for each."""
    if character in ESCAPES:
        return bytes([0x1B, ESCAPES[character]])
    return bytes([GSM7_CHART.index(character)])


@settings(max_examples=200)
@given(runs(GSM7, 90) | runs(GSM7 | BEYOND_GSM7, 30))
def test_a_text_of_any_characters_has_the_parts_that_a_plain_packing_needs(characters: list[str]) -> None:
    assert measure("".join(characters)).parts == len(packed(characters))


@given(runs(BEYOND_GSM7 | GSM7, 3))
def test_what_is_read_as_one_character_is_found_as_one(characters: list[str]) -> None:
    assert clusters("".join(characters)) == characters


@given(st.text(max_size=300))
def test_no_text_at_all_has_fewer_parts_than_its_units_need(text: str) -> None:
    size = measure(text)
    single, several = (160, 153) if size.encoding is Encoding.GSM7 else (70, 67)
    assert "".join(clusters(text)) == text
    assert size.parts >= (1 if size.units <= single else -(-size.units // several))


# At the border of two parts


@pytest.mark.parametrize(
    ("character", "filler", "several"),
    [("€", "a", 153), ("😜", "ж", 67), ("e\u0301", "ж", 67), ("કી", "ક", 67), ("🇬🇧", "ж", 67)],
)
def test_what_is_read_as_one_character_is_never_split_between_parts(
    character: str, filler: str, several: int
) -> None:
    """Two parts' worth of units fill two parts exactly, unless the character would straddle the border."""
    units = measure(filler + character).units - 1
    beside, astride = filler * (several - units), filler * (several - 1)
    assert measure(beside + character + filler * several).parts == 2
    assert measure(astride + character + filler * (several - units + 1)).parts == 3


@pytest.mark.parametrize(
    ("text", "characters"),
    [("ကား", ["က", "ာ", "း"]), ("\n\u0301", ["\n", "\u0301"]), ("🇬🇧🇮🇹🇵", ["🇬🇧", "🇮🇹", "🇵"]), ("a🏽", ["a", "🏽"])],
    ids=["Burmese signs", "a mark after a line end", "flags and half a flag", "a skin tone of no emoji"],
)
def test_what_stands_alone_is_a_character_of_its_own(text: str, characters: list[str]) -> None:
    assert clusters(text) == characters


def test_a_line_end_in_two_characters_is_two() -> None:
    assert measure("ж" * 66 + "\r\n" + "ж" * 66).parts == 2


def test_a_pile_of_marks_that_no_part_could_hold_is_split_after_all() -> None:
    assert measure("e" + "\u0301" * 200).parts == 3
