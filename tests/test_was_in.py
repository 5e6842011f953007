"""The ways in which people write that they were in, and what only looks like them."""

import pytest

from models.reply import ReplyKind
from notifications.replies import classify


@pytest.mark.parametrize(
    "text",
    [
        "IN",
        "in.",
        "Inn",
        "I WAS IN",
        "i was in!",
        "Iwas in",
        "iwasin",
        "I wos in",
        "i ws in",
        "I was inn",
        "Was in",
        "I'm in",
        "I am home",
        "We were in",
        "we was in",
        "My wife was home",
        "I was at home",
        "home all day",
        "In all morning",
        "I was in all day and nobody knocked",
        "I've been in all day",
        "I was in but I did not hear the bell",
        "Sorry, I was in. You never knocked!",
        "But I was here, waiting for you",
        "No one came",
        "Nobody knocked on my door",
        "You didn't come",
        "you did not knock",
        "They never rang",
        "\u201cI was in\u201d",
        "I WAS IN please",
    ],
)
def test_that_they_were_in_is_heard_in_the_ways_people_type_it(text: str) -> None:
    assert classify(text) is ReplyKind.I_WAS_IN


@pytest.mark.parametrize(
    "text",
    [
        "I was not in",
        "I wasn't in",
        "I was out",
        "I was in hospital",
        "I was in town",
        "I'm in Leeds until Friday",
        "In at three",
        "I will be in tomorrow",
        "You came when I was out",
        "Was anybody in your car?",
        "Come in",
        "When is he coming in?",
        "Somebody came",
        "inside job",
        "Wine",
        "i",
        "",
        "in " * 500,
    ],
)
def test_what_says_something_else_is_read_by_a_person(text: str) -> None:
    assert classify(text) is ReplyKind.WORDS


@pytest.mark.parametrize("text", ["REBOOK", "re-book please", "new time"])
def test_another_time_is_asked_for_in_other_words_too(text: str) -> None:
    assert classify(text) is ReplyKind.CHANGE


def test_a_text_made_to_take_long_is_read_at_once() -> None:
    for text in ("no " * 530, "my " * 530 + "x", "i was in " * 170 + "x", "but no sorry hi " * 100 + "!"):
        classify(text)
