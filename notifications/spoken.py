"""Every word a spoken call says, by language (rules 9 and 10); a person who rings can read them out too.

As in a text: no surname, no reason for the visit. It can be anybody who picks up.
"""

from dataclasses import dataclass
from datetime import datetime

from models.clock import LONDON
from models.message import Message, MessageKind
from notifications.texts import Council, Wording, in_language, plain

TIMES_SAID = 2


@dataclass(frozen=True, slots=True)
class Speech(Wording):
    """One language as it is spoken: what its voice is called, and what is said around the sentence.

    `hello` and `goodbye` are around it in a call, `in_person` holds it as {news}. After a visit that nobody opened
    to, `rebook` and `rebook_in_person` stand for the last two. Each may use {council} and {phone}.
    """

    voice: str
    hello: str
    goodbye: str
    say_again: str
    in_person: str
    rebook: str
    rebook_in_person: str

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
        another_officer="On {start} another officer will come than the one we showed you."
        " Please check their badge before you let them in.",
        missed="We are sorry that nobody came on {start}. We would like to agree a new time with you.",
        came_after_all="Please ignore our message that nobody came on {start}."
        " Our officer was there, and told us late.",
        delayed="We are sorry, our visit on {start} is running late. We expect to be with you {when}.",
        sooner="Good news about our visit on {start}. We now expect to be with you sooner, {when}.",
        back_on_time="Good news, our visit on {start} is back on time. We expect to be with you {when}.",
        about="at about {eta}",
        between="between {earliest} and {latest}",
        goodbye="If this does not suit you, please call us on {phone}."
        " That is the number on your council letters.",
        no_access="We are sorry that we missed you. We came for our visit on {start} and got no answer.",
        feedback="We would like to know how our visit on {start} went.",
        we_did="Thank you for what you told us about our visit on {start}. We have seen to it.",
        rebook="To agree a new time, or if you were in, please call us on {phone}."
        " That is the number on your council letters.",
        rebook_in_person="Hello, I am calling from {council} about our visit to your home. {news}"
        " Were you in? When may we come again?",
        say_again="To hear this again, press 1.",
        in_person="Hello, I am calling from {council} about our visit to your home. {news} Does that suit you?",
    ),
}


def render(message: Message, council: Council) -> str:
    """All that a voice says of one message. Raises ValueError if a time it needs is missing."""
    words = in_language(SPEECHES, message.language)
    goodbye = words.rebook if message.kind is MessageKind.NO_ACCESS else words.goodbye
    said = " ".join([words.hello, words.sentence(message), goodbye])
    return _filled(said, message, words, council)


def script(message: Message, council: Council) -> str:
    """What a person who rings could say of it. Raises ValueError if a time it needs is missing."""
    words = in_language(SPEECHES, message.language)
    said = words.rebook_in_person if message.kind is MessageKind.NO_ACCESS else words.in_person
    return _filled(said.replace("{news}", words.sentence(message)), message, words, council)


def _filled(said: str, message: Message, words: Speech, council: Council) -> str:
    values = {"council": council.name, "phone": _digits(council.phone)}
    return plain(said.format_map(values | words.times(message)))


def _digits(phone: str) -> str:
    """`020 7946 0123` as `0 2 0, 7 9 4 6, 0 1 2 3`: a voice would read thousands."""
    return ", ".join(" ".join(group) for group in phone.split())
