"""What is published of small groups: no small count, and none that can be worked out."""

from hypothesis import given
from hypothesis import strategies as st

from models.small_groups import publishable, publishable_totals

TABLES = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=4).map(
    lambda rows: {f"ward {number}": dict(zip("abc", row, strict=True)) for number, row in enumerate(rows)}
)


def test_a_small_count_is_not_shown_and_cannot_be_had_from_its_total():
    assert publishable_totals({"Pinner": 40, "Hatch End": 9, "Greenhill": 12, "Kenton": 25}) == {
        "Pinner": 40,
        "Hatch End": None,
        "Greenhill": None,
        "Kenton": 25,
    }


def test_what_is_large_enough_is_shown_and_so_is_nothing():
    assert publishable_totals({"Pinner": 10, "Hatch End": 0}) == {"Pinner": 10, "Hatch End": 0}
    assert publishable_totals({}) == {}


def test_small_counts_that_hide_each_other_only_a_little_have_a_larger_one_beside_them():
    """3 + 4 = 7 would still be a small group."""
    assert publishable_totals({"a": 3, "b": 4, "c": 50, "d": 20}) == {"a": None, "b": None, "c": 50, "d": None}


def test_of_a_group_that_is_small_itself_nothing_is_shown():
    shown = publishable({"Pinner": {"late": 2, "on_time": 5}, "Kenton": {"late": 30, "on_time": 90}})
    assert shown == {"Pinner": {"late": None, "on_time": None}, "Kenton": {"late": None, "on_time": None}}


@given(TABLES)
def test_no_small_count_is_shown_and_none_stands_alone_in_its_line(table):
    shown = publishable(table)
    for group, counts in shown.items():
        for kind, count in counts.items():
            assert count in (None, table[group][kind])
            assert count is None or not 0 < count < 10
    lines = [[(group, kind) for kind in "abc"] for group in table]
    lines += [[(group, kind) for group in table] for kind in "abc"]
    for line in lines:
        hidden = [cell for cell in line if shown[cell[0]][cell[1]] is None]
        if hidden and len(hidden) < len(line):
            assert len(hidden) > 1
            assert sum(table[group][kind] for group, kind in hidden) >= 10
