"""Every word of an e-mail (rules 9 and 10): the text's own sentence, with a greeting and what to do."""

from dataclasses import dataclass

from models.message import Message, MessageKind
from notifications import texts
from notifications.texts import Council, in_language


@dataclass(frozen=True, slots=True)
class Letter:
    """One language's subjects and frame. A subject may use {council}; the frame {news} and {council} too."""

    subjects: dict[MessageKind, str]
    frame: str


LETTERS = {
    "en": Letter(
        subjects={
            MessageKind.BOOKED: "{council}: our visit to your home",
            MessageKind.MOVED: "{council}: the time of our visit to your home has changed",
            MessageKind.CANCELLED: "{council}: our visit to your home is cancelled",
            MessageKind.ANOTHER_OFFICER: "{council}: another officer will visit your home",
            MessageKind.MISSED: "{council}: we are sorry that nobody came",
            MessageKind.CAME_AFTER_ALL: "{council}: about our visit to your home",
            MessageKind.NO_ACCESS: "{council}: sorry we missed you at home",
            MessageKind.FEEDBACK: "{council}: how did our visit go?",
            MessageKind.WE_DID: "{council}: what you told us about our visit",
            MessageKind.DELAYED: "{council}: the time we expect to be at your home",
        },
        frame="Hello,\n\n{news}\n\nThe telephone number above is the one on your council letters. Nobody reads"
        " answers to this e-mail.\n\n{council}\n",
    ),
}


def render(message: Message, council: Council, link: str = "") -> tuple[str, str]:
    """The subject and the body of one message. Raises ValueError if a time it needs is missing."""
    words = in_language(LETTERS, message.language)
    subject = words.subjects[message.kind].format(council=council.name)
    return subject, words.frame.format(council=council.name, news=texts.render(message, council, link))
