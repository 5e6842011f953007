"""What admins do with printed cards, each in one line, and what is on the card that comes out."""

import io
import re
from typing import Any

import pypdf
from PIL import Image

from models.officer import Officer
from tests.conftest import Client
from tests.scanning import qr_codes

JSON = {"Accept": "application/json"}


def picture_of(colour: str) -> bytes:
    """A photo of nothing."""
    file = io.BytesIO()
    Image.new("RGB", (320, 400), colour).save(file, "JPEG")
    return file.getvalue()


def with_photo(client: Client, officer: Officer, colour: str = "#c68642") -> Officer:
    """Send a first photo, which is approved with the officer's first card."""
    answer = client.client.put(
        f"/v1/officers/{officer.id}/photo",
        data=picture_of(colour),
        headers={"Authorization": f"Bearer {client.token}", "Content-Type": "image/jpeg"},
    )
    assert answer.status_code == 204
    return officer


def ask(client: Client, officer: Officer, **body: Any) -> Any:
    return client.post(f"/v1/officers/{officer.id}/cards", body)


def asked(client: Client, officer: Officer, **body: Any) -> dict[str, Any]:
    answer = ask(client, officer, **body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def made(first: Client, second: Client, officer: Officer, **body: Any) -> dict[str, Any]:
    answer = second.post(f"/v1/cards/{asked(first, officer, **body)['id']}/approval")
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def scanned(client: Client, card: dict[str, Any]) -> str:
    """The address in the card's QR code."""
    answer = client.get(f"/v1/cards/{card['id']}/qr.png")
    assert answer.status_code == 200
    return decoded(Image.open(io.BytesIO(answer.data)).convert("L"))


def decoded(image: Image.Image) -> str:
    (found,) = qr_codes(image)
    assert found.ec_level == "M"
    return str(found.text)


def checked(stranger: Client, url: str) -> dict[str, Any]:
    return dict(stranger.get(url.removeprefix("http://127.0.0.1:8000"), **JSON).json)


def pdf(client: Client, card: dict[str, Any], size: str) -> bytes:
    answer = client.get(f"/v1/cards/{card['id']}/card.pdf?size={size}")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    return bytes(answer.data)


def typed_code(client: Client, card: dict[str, Any], size: str = "a6") -> str:
    """The code that is printed on the card."""
    pages = pypdf.PdfReader(io.BytesIO(pdf(client, card, size))).pages
    (found,) = re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", " ".join(page.extract_text() for page in pages))
    return str(found)
