"""What a message says, by its channel."""

from typing import NamedTuple

from models.message import Channel, Message
from notifications import emails, spoken, texts
from notifications.parts import measure
from notifications.texts import Council

LINK_KEPT = "(link)"


class Words(NamedTuple):
    """A message's words. Only an e-mail has a subject; only a text is counted in parts.

    `kept` is the body as it is written down for our own people to read, without the link to the resident's page:
    that page is the resident's, and the officer would find the visit words on it.
    """

    body: str
    kept: str
    subject: str = ""
    parts: int | None = None


def render(message: Message, council: Council, visit_reference: str | None = None) -> Words:
    """The words of one message, in the resident's language. Raises ValueError if a time it needs is missing.

    With the visit's reference, a text or an e-mail that confirms a booking holds the link to the resident's page.
    """
    link = council.links.url(visit_reference) if council.links and visit_reference else ""
    if message.channel is Channel.CALL:
        body = spoken.render(message, council)
        return Words(body, body)
    if message.channel is Channel.TEXT:
        body = texts.render(message, council, link)
        return Words(body, _kept(body, link), parts=measure(body).parts)
    subject, body = emails.render(message, council, link)
    return Words(body, _kept(body, link), subject)


def _kept(body: str, link: str) -> str:
    return body.replace(link, LINK_KEPT) if link else body
