"""Photos of officers, and of doors: re-encoded on the way in, so that nothing but the picture is kept."""

import io
import warnings

from PIL import Image, ImageOps

from models.errors import Unprocessable

WIDTH = 320
"""Pixels: as wide as the resident's page shows it."""
HEIGHT = 400
LARGEST_SIDE = 8000
"""Pixels: more than any phone's camera; a larger picture is an attack on our memory."""


def re_encode(upload: bytes, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A JPEG or PNG as a plain upright JPEG of at most so many pixels, with no EXIF: no place, no date.

    Raises Unprocessable for anything else, and for a picture too large or too small to know a face or a door by.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=("JPEG", "PNG")) as picture:
                if max(picture.size) > LARGEST_SIDE:
                    raise Unprocessable("photo", "The photo is too large: send one of under 8000 pixels.")
                if min(picture.size) < 120:
                    raise Unprocessable("photo", "The photo is too small: send at least 120 pixels each way.")
                # A JPEG is decoded no larger than we need it.
                picture.draft("RGB", (2 * width, 2 * height))
                picture.load()
                upright = ImageOps.exif_transpose(picture)
                if upright.mode != "RGB":
                    upright = upright.convert("RGBA")
                small = ImageOps.contain(upright, (width, height)).convert("RGBA")
                # What is transparent becomes white, and not whatever colour is hidden there.
                plain = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    except Unprocessable:
        raise
    except Exception as error:
        # Hostile bytes bring out struct.error, TypeError and others: whatever the decoder says, it is no photo.
        raise Unprocessable("photo", "Send a photo as a JPEG or PNG file.") from error
    # Pillow would write the upload's own comment into our file.
    plain.info.clear()
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=80, optimize=True, progressive=True)
    return out.getvalue()
