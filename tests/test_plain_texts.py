"""What is made plain in a text and what never is, row by row of what Twilio and GOV.UK Notify publish.

Rule 10: "Curly quotes and dashes are made plain, so that they do not cost; letters never are." What a character
is, Unicode says: letters, their marks and numbers stay; punctuation and spaces become plain; a symbol says
something and stays, unless it is punctuation in another shape.
"""

from unicodedata import category, normalize

import pytest

from notifications.parts import Encoding, encoding_of
from notifications.texts import plain
from tests import published

SMART_ENCODING: dict[str, str] = published.read("sms/twilio_segments.json")["smart_encoding"]
DOWNGRADE = published.read("sms/notify_downgrade.json")


def rows(*categories: str) -> list[str]:
    """The characters of Twilio's map in these categories; "P" is every kind of punctuation."""
    return [each for each in SMART_ENCODING if category(each).startswith(categories)]


def names(character: str) -> str:
    return f"U+{ord(character):04X}"


# Twilio's smart encoding

OUR_PUNCTUATION = {
    "\u2039": "'",  # Single angle quotation marks are quotes; Twilio makes them > and <.
    "\u203a": "'",
    "\u201a": "'",  # Opens a quotation in German; Twilio makes it a comma.
    "\ufe10": ",",  # Commas, in vertical writing; Twilio makes them apostrophes.
    "\ufe11": ",",
}


@pytest.mark.parametrize("character", rows("P"), ids=names)
def test_punctuation_is_made_plain(character: str) -> None:
    assert plain(character) == OUR_PUNCTUATION.get(character, SMART_ENCODING[character])
    assert encoding_of(plain(character)) is Encoding.GSM7


@pytest.mark.parametrize("character", ["\t", *rows("Z")], ids=names)
def test_a_space_of_any_width_is_one_space(character: str) -> None:
    """Twilio makes most of them two and a tab seven, which cost more and say the same."""
    assert plain(character) == " "


@pytest.mark.parametrize("character", rows("Cf"), ids=names)
def test_what_nobody_sees_is_taken_out(character: str) -> None:
    assert plain(character) == SMART_ENCODING[character] == ""


@pytest.mark.parametrize("character", rows("L", "M", "N"), ids=names)
def test_a_letter_its_marks_and_a_number_stay(character: str) -> None:
    """Twilio makes a loose comma below a Romanian t a comma after it, and flat 1½ flat 11/2."""
    assert plain(character) == character
    assert plain(f"x{character}") == normalize("NFC", f"x{character}")


PUNCTUATION_IN_ANOTHER_SHAPE = {
    *"´`",  # Accents with no letter under them: typed for apostrophes.
    *"❝❞❛❜",  # Ornaments, quotation marks by name.
    *(each for each in rows("S") if len(normalize("NFKC", each)) == 1 and normalize("NFKC", each).isascii()),
}


@pytest.mark.parametrize("character", rows("S"), ids=names)
def test_a_symbol_stays_unless_it_is_punctuation_in_another_shape(character: str) -> None:
    """Twilio makes ÷ a slash, and stars and lines of every kind an asterisk, a bar or a dash."""
    expected = SMART_ENCODING[character] if character in PUNCTUATION_IN_ANOTHER_SHAPE else character
    assert plain(character) == expected


@pytest.mark.parametrize("character", [each for each in rows("Cc") if each != "\t"], ids=names)
def test_a_control_character_is_not_ours_to_judge(character: str) -> None:
    """No name has one: the fields of the API refuse them."""
    assert plain(character) == character


def test_every_row_of_twilios_map_is_judged() -> None:
    assert sorted(rows("P", "Z", "Cf", "L", "M", "N", "S", "Cc")) == sorted(SMART_ENCODING)


# GOV.UK Notify's downgrading


@pytest.mark.parametrize(("change", "what"), DOWNGRADE["same_for_both"], ids=lambda each: each)
def test_what_notify_makes_plain_is_made_plain_and_letters_are_kept(change: list[str], what: str) -> None:
    """Where Notify gives a letter up (ç for c, a question mark for the rest), we keep it: a name, an emoji or a
    fraction says something."""
    typed, notify_sends = normalize("NFC", change[0]), change[1]
    assert plain(typed) == (typed if category(typed)[0] in "LNS" else notify_sends)


@pytest.mark.parametrize(("change", "what"), DOWNGRADE["sms_vs_ascii"], ids=lambda each: each)
def test_what_notify_keeps_in_a_text_is_kept(change: list[str], what: str) -> None:
    typed, notify_texts, _ = change
    assert plain(typed) == notify_texts


# Where letters cost anyway


def test_punctuation_of_another_script_is_made_plain_only_where_that_saves() -> None:
    assert plain("Ring 020 8863 5611（9：00）。") == "Ring 020 8863 5611(9:00)."
    assert plain("请致电（020 8863 5611）。") == "请致电（020 8863 5611）。"


def test_quotes_dashes_and_spaces_are_made_plain_beside_any_letter() -> None:
    assert plain("“Ŵyl” – 请\u00a0致电…") == '"Ŵyl" - 请 致电...'
