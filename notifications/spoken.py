"""Every word a spoken call says, by language (rules 9 and 10); a person who rings can read them out too.

As in a text: no surname, no reason for the visit. It can be anybody who picks up.
"""

from dataclasses import dataclass
from datetime import datetime

from models.clock import LONDON
from models.message import Message, MessageKind
from notifications.texts import Council, DelayNews, delay_news, in_language, plain

TIMES_SAID = 2


@dataclass(frozen=True, slots=True)
class Speech:
    """One language: what its voice is called, its names of days and months, and its sentences.

    A sentence may use {council}, {phone}, {start} and, where they exist, {old} and {eta}.
    """

    voice: str
    days: tuple[str, ...]
    months: tuple[str, ...]
    hello: str
    booked: str
    moved: str
    cancelled: str
    delays: dict[DelayNews, str]
    goodbye: str
    say_again: str
    in_person: str

    def day_and_time(self, at: datetime) -> str:
        """ "Monday 23 November at 2 pm", by London's clocks."""
        local = at.astimezone(LONDON)
        return f"{self.days[local.weekday()]} {local.day} {self.months[local.month - 1]} at {self.time(at)}"

    def time(self, at: datetime) -> str:
        """ "2 pm", "10:05 am": a voice reads "14:00" as fourteen hundred."""
        local = at.astimezone(LONDON)
        minutes = f":{local.minute:02}" if local.minute else ""
        return f"{local.hour % 12 or 12}{minutes} {'am' if local.hour < 12 else 'pm'}"


SPEECHES = {
    "en": Speech(
        voice="en-GB",
        days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        hello="Hello. This is a message from {council} about our visit to your home.",
        booked="We will visit you on {start}.",
        moved="We have changed the time. It was {old}. It is now {start}.",
        cancelled="We have cancelled our visit on {start}. We will not come then.",
        delays={
            DelayNews.LATE: "We are sorry, our visit on {start} is running late. We expect to be with you at about"
            " {eta}.",
            DelayNews.SOONER: "Good news about our visit on {start}. We now expect to be with you sooner, at about"
            " {eta}.",
            DelayNews.BACK_ON_TIME: "Good news, our visit on {start} is back on time. We expect to be with you at"
            " about {eta}.",
        },
        goodbye="If this does not suit you, please call us on {phone}."
        " That is the number on your council letters.",
        say_again="To hear this again, press 1.",
        in_person="Hello, I am calling from {council} about our visit to your home. {news} Does that suit you?",
    ),
}


def render(message: Message, council: Council) -> str:
    """All that a voice says of one message. Raises ValueError if a time it needs is missing."""
    words = in_language(SPEECHES, message.language)
    return _filled(" ".join([words.hello, _news(message, words), words.goodbye]), message, words, council)


def script(message: Message, council: Council) -> str:
    """What a person who rings could say of it. Raises ValueError if a time it needs is missing."""
    words = in_language(SPEECHES, message.language)
    return _filled(words.in_person.replace("{news}", _news(message, words)), message, words, council)


def _filled(sentence: str, message: Message, words: Speech, council: Council) -> str:
    values = {
        "council": council.name,
        "phone": _digits(council.phone),
        "start": words.day_and_time(message.starts_at),
    }
    if message.kind is MessageKind.MOVED:
        if message.previous_starts_at is None:
            raise ValueError("a move needs the time it moves from")
        values["old"] = words.day_and_time(message.previous_starts_at)
    if message.kind is MessageKind.DELAYED:
        if message.expected_at is None:
            raise ValueError("a delay needs the time expected")
        values["eta"] = words.time(message.expected_at)
    return plain(sentence.format_map(values))


def _news(message: Message, words: Speech) -> str:
    match message.kind:
        case MessageKind.BOOKED:
            return words.booked
        case MessageKind.MOVED:
            return words.moved
        case MessageKind.CANCELLED:
            return words.cancelled
    return words.delays[delay_news(message)]


def _digits(phone: str) -> str:
    """`020 7946 0123` as `0 2 0, 7 9 4 6, 0 1 2 3`: a voice would read thousands."""
    return ", ".join(" ".join(group) for group in phone.split())
