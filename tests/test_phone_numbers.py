"""Which telephone numbers we take, in one spelling, and which of them a text can reach."""

from typing import Any

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models import phone
from tests import published

NOTIFY: dict[str, list[Any]] = published.read("sms/notify_phone_numbers.json")
"""GOV.UK Notify's tables: spellings as its users type them, with what it makes of them."""


def in_production(written: str) -> str:
    """The number as production takes it, where nothing is let pass for demonstrations."""
    number = phone.normalise(written, drama=False)
    assert phone.normalise(written, drama=True) == number
    return number


# Notify's tables, row by row


@pytest.mark.parametrize("written", NOTIFY["valid_uk_mobile"])
def test_a_mobile_is_one_number_in_every_spelling_of_notifys(written: str) -> None:
    assert in_production(written) == "+447723456789"
    assert phone.takes_texts("+447723456789")


ABROAD = {
    "+7 (8) (495) 123-45-67": "+74951234567",
    "007 (8) (495) 123-45-67": "+74951234567",
    "784951234567": "+74951234567",
    "1-202-555-0104": "+12025550104",
    "1‑202–555—010−4": "+12025550104",
    "+12025550104": "+12025550104",
    "0012025550104": "+12025550104",
    "+0012025550104": "+12025550104",
    "230 5 2512345": "+23052512345",
    "+682 50 123": "+68250123",
    "+33122334455": "+33122334455",
    "0033122334455": "+33122334455",
    "+43 676 111 222 333 4": "+436761112223334",
}
"""What each of Notify's spellings means: it says only that they are valid."""

LANDLINES_ABROAD = {"+74951234567", "+33122334455"}


@pytest.mark.parametrize("written", NOTIFY["valid_international"])
def test_a_number_abroad_is_taken_and_texted_unless_it_is_a_landline(written: str) -> None:
    assert in_production(written) == ABROAD[written]
    assert phone.takes_texts(ABROAD[written]) is (ABROAD[written] not in LANDLINES_ABROAD)


@pytest.mark.parametrize("written", NOTIFY["valid_channel_island"])
def test_a_mobile_of_the_channel_islands_is_taken_and_texted(written: str) -> None:
    assert in_production(written) == written
    assert phone.takes_texts(written)


@pytest.mark.parametrize("written", NOTIFY["valid_uk_landline"])
def test_a_landline_is_taken_and_never_texted(written: str) -> None:
    digits = written.replace(" ", "").removeprefix("+").removeprefix("00").removeprefix("44").removeprefix("0")
    assert in_production(written) == f"+44{digits}"
    assert phone.takes_texts(f"+44{digits}") is False


RUBBISH = [
    *NOTIFY["invalid_uk_landline"],
    *(written for written, _ in NOTIFY["invalid_uk_mobile"] + NOTIFY["invalid_international"]),
    *(written for written, _ in NOTIFY["messy_rejected"]),
]


@pytest.mark.parametrize("drama", [False, True])
@pytest.mark.parametrize("written", RUBBISH)
def test_what_notify_refuses_is_refused_in_words_that_do_not_repeat_it(written: str, drama: bool) -> None:
    with pytest.raises(ValueError, match=r"^(Give|This|We) [^\n]+\.$") as refused:
        phone.normalise(written, drama=drama)
    assert written not in str(refused.value)


PERSONAL = "+07044123456"
"""The one row decided otherwise: Notify takes 070 numbers. They look like mobiles, and ringing one can cost many
times as much."""


@pytest.mark.parametrize(("written", "kept"), NOTIFY["messy_but_ok"])
def test_zeros_and_pluses_too_many_are_forgiven(written: str, kept: str) -> None:
    if written == PERSONAL:
        with pytest.raises(ValueError, match="personal"):
            in_production(written)
    else:
        assert in_production(written) == f"+{kept}"


@pytest.mark.parametrize(("written", "shown"), NOTIFY["human_readable"])
def test_what_notify_shows_people_is_the_number_we_keep(written: str, shown: str) -> None:
    number = in_production(written)
    kind = phonenumbers.PhoneNumberFormat
    style = kind.NATIONAL if number.startswith("+44") else kind.INTERNATIONAL
    assert phonenumbers.format_number(phonenumbers.parse(number), style) == shown


# What else is typed


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("07700 900123", "+447700900123"),
        ("07700900123", "+447700900123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("0044 7700 900 123", "+447700900123"),
        ("(07700) 900-123", "+447700900123"),
        ("07700 900000", "+447700900000"),
        ("07700 900999", "+447700900999"),
        ("٠٧٧٠٠٩٠٠١٢٣", "+447700900123"),
        ("０７７００９００１２３", "+447700900123"),
        ("020 8863 5611", "+442088635611"),
        ("+44 20 8863 5611", "+442088635611"),
        ("0116 496 0000", "+441164960000"),
        ("0800 111 999", "+44800111999"),
        ("07400 123456", "+447400123456"),
        ("+353 85 012 3456", "+353850123456"),
        ("+91 98765 43210", "+919876543210"),
    ],
)
def test_a_number_comes_back_in_one_spelling_however_it_is_written(written: str, kept: str) -> None:
    assert phone.normalise(written, drama=True) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "12345",
        "999",
        "abc",
        "07700 90012",
        "07700 9001234",
        "070 1234 5678",
        "07012 345678",
        "0909 879 0000",
        "+44 909 879 0000",
        "0871 200 0000",
        "076 1234 5678",
        "07624 123456 ext 5",
        "+44 20 8863 5611 x12",
        "+1 900 234 5678",
        "+999 123 456 789",
        "07700900123 07700900124",
        "tel:07700900123;phone-context=+1",
        "+" + "4" * 38,
        "07700 900123 (ask for Bob)",
        "not 07700 900123",
        "07700 900123.",
        "07700 ABCDEF",
    ],
)
def test_numbers_we_do_not_ring_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        phone.normalise(written, drama=True)


def test_drama_numbers_are_for_anywhere_but_production() -> None:
    for number in ("07700 900000", "07700 900999", "+44 7700 900123"):
        assert phone.normalise(number, drama=True)
        with pytest.raises(ValueError, match="not a number that is in use"):
            phone.normalise(number, drama=False)
    assert phone.normalise("07400 123456", drama=False) == "+447400123456"


@pytest.mark.parametrize(
    ("number", "reached"),
    [("+447700900123", True), ("+447400123456", True), ("+442088635611", False), ("+12125550123", True)],
)
def test_a_text_reaches_a_mobile_and_no_landline(number: str, reached: bool) -> None:
    assert phone.takes_texts(number) is reached


@given(st.integers(0, 999_999_999), st.integers(2, 10), st.characters(categories=["Nd"]))
def test_a_mobile_with_a_digit_too_many_or_too_few_is_nobodys(number: int, place: int, digit: str) -> None:
    """Without its 0 one with a digit too many could be a number in Kazakhstan, and a stranger would be texted."""
    mobile = f"07{number:09}"
    assume(phonenumbers.is_valid_number(phonenumbers.parse(mobile, "GB")))
    too_many = (mobile[:place] + digit + mobile[place:], mobile + digit)
    for slip in (*too_many, mobile[:place] + mobile[place + 1 :]):
        with pytest.raises(ValueError, match="not a number that is in use"):
            phone.normalise(slip, drama=True)


@given(st.text(max_size=40) | st.text("0123456789+() -x#;,/.", max_size=40))
def test_whatever_is_typed_is_kept_in_a_form_that_stays_the_same_or_refused(written: str) -> None:
    try:
        kept = phone.normalise(written, drama=True)
    except ValueError as refused:
        assert str(refused).endswith(".")
    else:
        assert phone.normalise(kept, drama=True) == kept
        assert phone.takes_texts(kept) in (True, False)
