"""Photos of officers: only the picture is kept, and nothing hostile gets in."""

import io
import random
import struct
import zlib
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image, PngImagePlugin
from sqlalchemy import select
from sqlalchemy.orm import undefer

from models.database import reading
from models.errors import Unprocessable
from models.officer import Officer, OfficerPhoto
from models.photo import re_encode
from tests.steps import problem

SECRET = b"1 Station Road, 51.58737"


def face(size: tuple[int, int] = (600, 800), colour: str = "#c68642") -> Image.Image:
    return Image.new("RGB", size, colour)


def exif(orientation: int = 1) -> Image.Exif:
    """What a phone writes beside a picture: where it was taken, and which way is up."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E] = SECRET.decode()
    gps = made.get_ifd(0x8825)
    gps[1], gps[2] = "N", (51.0, 35.0, 14.0)
    return made


def saved(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def put(client: Any, officer: Officer, photo: bytes, kind: str = "image/jpeg") -> Any:
    return client.client.put(
        f"/v1/officers/{officer.id}/photo",
        data=photo,
        content_type=kind,
        headers={"Authorization": f"Bearer {client.token}"},
    )


def kept(officer: Officer) -> bytes:
    with reading() as session:
        found = session.scalars(
            select(OfficerPhoto)
            .where(OfficerPhoto.officer_id == officer.id, OfficerPhoto.jpeg.is_not(None))
            .order_by(OfficerPhoto.uploaded_at.desc(), OfficerPhoto.status.desc())
            .options(undefer(OfficerPhoto.jpeg))
        ).first()
    assert found is not None and found.jpeg is not None
    return found.jpeg


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_a_jpeg_or_png_is_kept_as_a_small_jpeg(scheduler, officer):
    for photo, kind in ((saved(face()), "image/jpeg"), (saved(face(), "PNG"), "image/png")):
        assert put(scheduler, officer, photo, kind).status_code == 204
        picture = opened(kept(officer))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (300, 400))


def test_the_place_and_everything_else_beside_the_picture_is_removed():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    for photo in (
        saved(face(), exif=exif(), comment=SECRET, icc_profile=SECRET, xmp=SECRET, dpi=(300, 300)),
        saved(face(), "PNG", exif=exif(), pnginfo=notes, icc_profile=SECRET),
    ):
        assert SECRET in photo or zlib.compress(SECRET) in photo
        jpeg = re_encode(photo)
        assert SECRET not in jpeg
        picture = opened(jpeg)
        assert not picture.getexif()
        assert set(picture.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "progressive",
            "progression",
        }
        assert picture.info["jfif_density"] == (1, 1)


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (1, 1)), (6, (1, 0)), (8, (0, 1))])
def test_a_photo_is_turned_upright_before_its_orientation_is_forgotten(orientation, corner):
    """The red corner of the sensor's picture ends where the phone says that it belongs."""
    picture = face((400, 400), "white")
    picture.paste("red", (0, 0, 200, 200))
    upright = opened(re_encode(saved(picture, exif=exif(orientation), quality=95)))
    red = [
        (x, y)
        for x in (0, 1)
        for y in (0, 1)
        if upright.getpixel((80 + 160 * x, 80 + 160 * y))[1] < 100  # type: ignore[index, operator]
    ]
    assert red == [corner]


def test_every_kind_of_png_is_read_and_what_is_transparent_is_white():
    clear = Image.new("RGBA", (200, 200), (255, 0, 0, 0))
    for picture in (
        clear,
        face().convert("P"),
        face().convert("L"),
        face().convert("1"),
        Image.new("I;16", (200, 200), 65535),
        Image.new("LA", (200, 200), (0, 0)),
    ):
        re_encode(saved(picture, "PNG"))
    re_encode(saved(face().convert("P"), "PNG", transparency=bytes(256)))
    re_encode(saved(face().convert("CMYK")))
    assert min(opened(re_encode(saved(clear, "PNG"))).getpixel((100, 100))) > 250  # type: ignore[arg-type, type-var]


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is this large; it is a few hundred bytes long."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000), 9))
        + chunk(b"IEND", b"")
    )


def test_what_is_no_photo_is_refused_whatever_it_calls_itself(scheduler, officer):
    jpeg = saved(face())
    hostile = {
        "nothing": b"",
        "words": b"This is not an image.",
        "a page": b"<!doctype html><script>alert(1)</script>",
        "a drawing that is a program": b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
        "a GIF": saved(face(), "GIF"),
        "a BMP": saved(face(), "BMP"),
        "a TIFF": saved(face(), "TIFF"),
        "a WebP": saved(face(), "WEBP"),
        "a PDF": saved(face(), "PDF"),
        "a document of PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n",
        "a zip": b"PK\x03\x04" + bytes(100),
        "half a photo": jpeg[: len(jpeg) // 2],
        "the beginning of a photo": jpeg[:20],
        "a picture of 60,000 pixels a side": bomb(60_000, 60_000),
        "a picture of 20,000 pixels a side": bomb(20_000, 20_000),
        "a very long picture": bomb(8_001, 200),
        "a picture of two thousand million pixels a side": bomb(2**31 - 1, 2**31 - 1),
        "a picture with too few lines": bomb(4_000, 4_000),
        "a picture of no size": bomb(0, 0),
        "too small to know a face": saved(face((119, 400))),
        "one pixel": saved(face((1, 1))),
    }
    for name, photo in hostile.items():
        refused = problem(put(scheduler, officer, photo), 422, "not-valid")
        assert "photo" in refused["errors"], name
    assert scheduler.get("/v1/photos").json["items"] == []


def test_what_is_hidden_behind_a_photo_is_not_kept(scheduler, officer):
    """A file that is a photo to one program and a page or an archive to another is only a photo afterwards."""
    hidden = b"<script>alert(document.domain)</script>PK\x05\x06"
    for photo, kind in ((saved(face()), "image/jpeg"), (saved(face(), "PNG"), "image/png")):
        assert put(scheduler, officer, photo + hidden, kind).status_code == 204
        assert b"script" not in kept(officer)
        assert b"PK" not in kept(officer)


def test_damaged_photos_are_refused_and_never_an_error_of_ours():
    chance = random.Random(2026)
    noise = Image.effect_noise((160, 160), 60).convert("RGB")
    whole = [
        saved(noise, exif=exif(6), comment=SECRET),
        saved(noise.convert("P"), "PNG", exif=exif(6), transparency=bytes(range(256))),
    ]
    for _ in range(300):
        photo = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 5))):
            photo[chance.randrange(min(300, len(photo)))] = chance.choice((0, 1, 255, chance.randrange(256)))
        try:
            re_encode(bytes(photo))
        except Unprocessable:
            continue


def test_a_photo_of_more_than_five_megabytes_is_too_large(scheduler, officer):
    photo = saved(face())
    full = photo + bytes(5 * 1024 * 1024 - len(photo))
    assert put(scheduler, officer, full).status_code == 204
    problem(put(scheduler, officer, full + b"\0"), 413)


def test_a_photo_is_sent_as_itself(scheduler, officer):
    for kind in ("multipart/form-data; boundary=x", "application/json", "image/gif", "image/svg+xml", ""):
        refused = problem(put(scheduler, officer, saved(face()), kind), 415)
        assert "image/jpeg" in refused["detail"]


def test_a_photo_of_nobody_is_not_kept(scheduler, officer):
    nobody = Officer(id=uuid4())
    problem(put(scheduler, nobody, saved(face())), 404, "not-found")
    with reading() as session:
        assert session.scalars(select(OfficerPhoto.id)).all() == []
