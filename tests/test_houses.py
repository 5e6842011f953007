"""Which house was meant: forgiving in spelling, never in substance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.house import same_house

HIGH_STREET = ("12a High Street", None)
FLAT = ("Flat 3, 12 High Street", None)
FLAT_BELOW = ("Flat 3", "12 High Street")
BUILDING = ("1 Weald House", "40 High Street")
NAMED = ("Rose Cottage, Mill Lane", None)
LETTERED = ("Flat B, 7 St John's Road", None)
RANGE = ("12-14 Station Rd", None)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("12a", HIGH_STREET),
        ("12A", HIGH_STREET),
        ("12 A", HIGH_STREET),
        ("12-a", HIGH_STREET),
        (" no. 12a ", HIGH_STREET),
        ("１２a", HIGH_STREET),
        ("12a High St", HIGH_STREET),
        ("12a, high street.", HIGH_STREET),
        ("Flat 3, 12", FLAT),
        ("flat 3 12", FLAT),
        ("Apt 3, 12 High Street", FLAT),
        ("3, 12", FLAT),
        ("12, Flat 3", FLAT),
        ("3/12", FLAT),
        ("Flat 3, 12", FLAT_BELOW),
        ("1 Weald House", BUILDING),
        ("1 weald", BUILDING),
        ("1, 40", BUILDING),
        ("Rose Cottage", NAMED),
        ("the rose cottage", NAMED),
        ("ROSE COTTAGE, Mill Ln", NAMED),
        ("Flat B, 7", LETTERED),
        ("flat b 7 St Johns Rd", LETTERED),
        ("12-14", RANGE),
        ("12 - 14 Station Road", RANGE),
    ],
)
def test_the_house_is_known_however_it_is_spelled(typed: str, address: tuple[str, str | None]) -> None:
    assert same_house(typed, *address)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("12", HIGH_STREET),
        ("12b", HIGH_STREET),
        ("1 2a", HIGH_STREET),
        ("112a", HIGH_STREET),
        ("12a Low Street", HIGH_STREET),
        ("High Street", HIGH_STREET),
        ("12", FLAT),
        ("3", FLAT),
        ("Flat 4, 12", FLAT),
        ("Flat 12, 3", FLAT),
        ("12, 3", FLAT),
        ("Flat 3", FLAT_BELOW),
        ("3", FLAT_BELOW),
        ("12", FLAT_BELOW),
        ("1", BUILDING),
        ("40", BUILDING),
        ("2 Weald House", BUILDING),
        ("1 Kenton House", BUILDING),
        ("Mill Lane", NAMED),
        ("Rose", NAMED),
        ("12", NAMED),
        ("12 Rose Cottage", NAMED),
        ("Flat A, 7", LETTERED),
        ("7", LETTERED),
        ("12", RANGE),
        ("", HIGH_STREET),
        (" ", NAMED),
        ("the", NAMED),
        ("flat", FLAT),
        ("\0", HIGH_STREET),
        ("12a" + " " * 80, HIGH_STREET),
    ],
)
def test_another_house_is_never_taken_for_it(typed: str, address: tuple[str, str | None]) -> None:
    assert not same_house(typed, *address)


@given(st.text(max_size=90), st.text(max_size=60), st.text(max_size=60) | st.none())
def test_whatever_is_typed_there_is_an_answer(typed: str, line_1: str, line_2: str | None) -> None:
    assert same_house(typed, line_1, line_2) in (True, False)


@given(st.integers(1, 400), st.integers(1, 400))
def test_no_number_is_another_number(mine: int, other: int) -> None:
    assert same_house(str(mine), f"{other} High Street") == (mine == other)
