"""Every word we send, by language (rule 10).

"Council name, old and new time, the council's phone number, a short unique reference. No surname, no
reason for the visit, no link except in the booking text." A text says "Mon 23 Nov 14:00", never "today":
it may be read tomorrow.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from models.clock import LONDON
from models.message import Channel, Message, MessageKind
from models.visit_link import VisitLinks
from notifications.parts import Encoding, encoding_of, measure

MOST_PARTS = {Encoding.GSM7: 2, Encoding.UCS2: 3}
""" "At most 2 parts in GSM-7, 3 in UCS-2." """

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u275b\u275c\uff07`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u275d\u275e\u301d\u301e\uff02", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2043\u2212\ufe58\ufe63\uff0d", "-"),
        **dict.fromkeys("\t\u00a0\u1680\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "),
        **dict.fromkeys("\u2028\u2029\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u200b\u2060\ufeff\u00ad", ""),
        "\u2026": "...",
    }
)
"""Quotes, dashes and spaces as word processors put them in: always made plain."""

_WIDE = [chr(code) for code in (*range(0xFE10, 0xFE6C), *range(0xFF01, 0xFF66))]
_FOREIGN = str.maketrans(
    {
        **{wide: unicodedata.normalize("NFKC", wide) for wide in _WIDE if unicodedata.category(wide)[0] in "PS"},
        **dict.fromkeys("\u3001\ufe11\ufe51\uff64", ","),
        **dict.fromkeys("\u3002\uff61", "."),
        **dict.fromkeys("\u2768\u276a\u27ee\u2985\uff5f", "("),
        **dict.fromkeys("\u2769\u276b\u27ef\u2986\uff60", ")"),
        **{"\u2774": "{", "\u2775": "}", "\u2017": "_", "\u203c": "!!", "\u204e": "*", "\u204f": ";"},
    }
)
"""The same marks as other scripts and ornaments have them: made plain only where that makes the text GSM-7."""


@dataclass(frozen=True, slots=True)
class Council:
    """Who the texts are from, the number to ring, and the links to residents' own pages."""

    name: str
    phone: str
    links: VisitLinks | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """One language: its names of days and months, and its sentences.

    A sentence may use {council}, {phone}, {ref}, {start} and, where they exist, {old}, {said} and {when}: that is
    `about`, with its {eta}, or `between`, with its {earliest} and {latest}.
    """

    days: tuple[str, ...]
    months: tuple[str, ...]
    booked: str
    moved: str
    cancelled: str
    another_officer: str
    missed: str
    came_after_all: str
    delayed: str
    sooner: str
    back_on_time: str
    about: str
    between: str
    no_access: str
    feedback: str
    we_did: str

    def day_and_time(self, at: datetime) -> str:
        """ "Mon 23 Nov 14:00", by London's clocks."""
        local = at.astimezone(LONDON)
        day, month = self.days[local.weekday()], self.months[local.month - 1]
        return f"{day} {local.day} {month} {self.time(at)}"

    def time(self, at: datetime) -> str:
        """ "14:00", by London's clocks."""
        return f"{at.astimezone(LONDON):%H:%M}"

    def times(self, message: Message) -> dict[str, str]:
        """The times a message tells of. Raises ValueError if one it needs is missing."""
        told = {"start": self.day_and_time(message.starts_at)}
        match message.kind:
            case MessageKind.MOVED:
                if message.previous_starts_at is None:
                    raise ValueError("a move needs the time it moves from")
                told["old"] = self.day_and_time(message.previous_starts_at)
            case MessageKind.DELAYED:
                if message.expected_at is None:
                    raise ValueError("a delay needs the time expected")
                told["when"] = self.when(message.expected_at, message.window_from_at, message.window_to_at)
        return told

    def when(self, expected_at: datetime, window_from_at: datetime | None, window_to_at: datetime | None) -> str:
        """ "about 14:00", or "between 14:00 and 14:15" where a window is told."""
        if window_from_at is None or window_to_at is None:
            return self.about.format(eta=self.time(expected_at))
        return self.between.format(earliest=self.time(window_from_at), latest=self.time(window_to_at))

    def sentence(self, message: Message) -> str:
        """The sentence for what a message has to tell, its names still in braces."""
        match message.kind:
            case MessageKind.BOOKED:
                return self.booked
            case MessageKind.MOVED:
                return self.moved
            case MessageKind.CANCELLED:
                return self.cancelled
            case MessageKind.ANOTHER_OFFICER:
                return self.another_officer
            case MessageKind.MISSED:
                return self.missed
            case MessageKind.CAME_AFTER_ALL:
                return self.came_after_all
            case MessageKind.NO_ACCESS:
                return self.no_access
            case MessageKind.FEEDBACK:
                return self.feedback
            case MessageKind.WE_DID:
                return self.we_did
        expected, before = message.expected_at, message.previous_expected_at
        if expected is None or before is None or expected >= before:
            return self.delayed
        return self.back_on_time if expected <= message.starts_at else self.sooner


WORDINGS = {
    "en": Wording(
        days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
        booked="{council}: we will visit you at home on {start}."
        " If you cannot be there, please call {phone}.{page} Ref {ref}",
        moved="{council}: we have changed the time of our visit to your home. It was {old}."
        " It is now {start}. If this does not suit you, please call {phone}. Ref {ref}",
        cancelled="{council}: we have cancelled our visit to your home on {start}. We will not come then."
        " To ask about it, please call {phone}. Ref {ref}",
        another_officer="{council}: another officer than we showed you will visit you on {start}."
        " Check their badge before you let them in. If you are not sure, please call {phone}. Ref {ref}",
        missed="{council}: we are sorry that nobody came to your home on {start}. We will call you to agree a"
        " new time. To ask or to complain, please call {phone}. Ref {ref}",
        came_after_all="{council}: please ignore our message that nobody came on {start}. Our officer was there,"
        " and told us late. If nobody came, please call {phone}. Ref {ref}",
        delayed="{council}: we are sorry, our visit on {start} is running late."
        " We expect to be with you {when}. If this does not suit you, please call {phone}. Ref {ref}",
        sooner="{council}: good news about our visit on {start}. We now expect to be with you"
        " sooner, {when}. If this does not suit you, please call {phone}. Ref {ref}",
        back_on_time="{council}: good news, our visit on {start} is back on time."
        " We expect to be with you {when}. If this does not suit you, please call {phone}. Ref {ref}",
        about="about {eta}",
        between="between {earliest} and {latest}",
        no_access="{council}: sorry we missed you. We came for our visit on {start} and got no answer."
        " For a new time please call {phone}{or_reply}. Ref {ref}",
        feedback="{council}: how did our visit on {start} go? Reply in your own words."
        " STOP ends our texts. If you need us, please call {phone}. Ref {ref}",
        we_did="{council}: thank you for what you said about our visit on {start}. {said}"
        " Questions? Please call {phone}. Ref {ref}",
    ),
}


PAGE = {"en": " See who will come: {link}"}
"""What a booking text says of the resident's own page, in the place of its {page}."""


OR_REPLY = {"en": " or reply REBOOK. If you were in, reply IN"}
"""What a text that nobody opened says in the place of its {or_reply}; nobody reads answers to an e-mail."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One language's answers to what residents write. Each may use {council} and {phone}, `confirmed` {start},
    `expected` {eta}, `disputed` {by}."""

    confirmed: str
    expected: str
    read: str
    disputed: str
    feedback: str
    started: str
    help: str
    unknown: str


ANSWERS = {
    "en": Answers(
        confirmed="{council}: thank you. We will see you at home on {start}."
        " If anything changes, please call {phone}.",
        expected="{council}: thank you. We expect to be with you about {eta}."
        " If anything changes, please call {phone}.",
        read="{council}: thank you. Somebody will read this and call you. If it is urgent, please call {phone}.",
        disputed="{council}: thank you for telling us that you were in. Somebody will call you by {by}."
        " If it is urgent, please call {phone}.",
        feedback="{council}: thank you. A person reads what you tell us. If you need us, please call {phone}.",
        started="{council}: we will text you again about our visits to your home. Reply STOP to end this.",
        help="{council}: we text you about our visits to your home. Reply YES to confirm, CHANGE if the time does"
        " not suit you, STOP for no more texts. Or call {phone}.",
        unknown="{council}: we do not know this number, so we cannot see your visit. Please call {phone}.",
    ),
}
DEFAULT = "en"


Words = TypeVar("Words")


def in_language(said: Mapping[str, Words], language: str) -> Words:
    """What is said in the language of a tag such as `en-GB`: the tag's own, its language's, or English."""
    return said.get(language) or said.get(language.split("-")[0].lower()) or said[DEFAULT]


def render(message: Message, council: Council, link: str = "") -> str:
    """The whole text of one message, in the resident's language. Raises ValueError if a time it needs is
    missing.

    `link` leads to the resident's own page: "no link except in the booking text". It is left out where it would
    make the text too long.
    """
    words = in_language(WORDINGS, message.language)
    values = {
        "council": council.name,
        "phone": council.phone,
        "ref": message.reference,
        "page": "",
        "or_reply": "",
    }
    if message.channel is not Channel.EMAIL:
        values["or_reply"] = in_language(OR_REPLY, message.language)
    values |= words.times(message) | {"said": message.said or ""}
    sentence = words.sentence(message)
    if link:
        with_link = plain(
            sentence.format_map(values | {"page": in_language(PAGE, message.language).format(link=link)})
        )
        size = measure(with_link)
        if size.parts <= MOST_PARTS[size.encoding]:
            return with_link
    return plain(sentence.format_map(values))


def plain(text: str) -> str:
    """Curly quotes, dashes and odd spaces made plain, so that they do not turn a text into UCS-2.

    "Letters never are": a name keeps its spelling, whatever it costs. A letter and its loose accent
    become one. Where letters make the text UCS-2, a language keeps its own full stops and brackets too.
    """
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    narrow = text.translate(_FOREIGN)
    return narrow if encoding_of(narrow) is Encoding.GSM7 else text
