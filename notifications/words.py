"""What a message says, by its channel."""

from typing import NamedTuple

from models.message import Channel, Message
from notifications import emails, spoken, texts
from notifications.parts import measure
from notifications.texts import Council


class Words(NamedTuple):
    """A message's words. Only an e-mail has a subject; only a text is counted in parts."""

    body: str
    subject: str = ""
    parts: int | None = None


def render(message: Message, council: Council) -> Words:
    """The words of one message, in the resident's language. Raises ValueError if a time it needs is missing."""
    match message.channel:
        case Channel.TEXT:
            body = texts.render(message, council)
            return Words(body, parts=measure(body).parts)
        case Channel.CALL:
            return Words(spoken.render(message, council))
    subject, body = emails.render(message, council)
    return Words(body, subject)
