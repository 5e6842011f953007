"""Photos of officers: re-encoded on the way in, so that nothing but the picture is kept."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import Unprocessable

WIDTH = 320
"""Pixels: as wide as the resident's page shows it."""
HEIGHT = 400
LARGEST_SIDE = 8000
"""Pixels: more than any phone's camera; a larger picture is an attack on our memory."""


def re_encode(upload: bytes) -> bytes:
    """A JPEG or PNG as a plain upright JPEG of at most 320 x 400 pixels, with no EXIF: no place, no date.

    Raises Unprocessable for anything else, and for a picture too large or too small to know a face by.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=("JPEG", "PNG")) as picture:
                if max(picture.size) > LARGEST_SIDE:
                    raise Unprocessable("photo", "The photo is too large: send one of under 8000 pixels.")
                if min(picture.size) < 120:
                    raise Unprocessable("photo", "The photo is too small: send at least 120 pixels each way.")
                picture.load()
                upright = ImageOps.exif_transpose(picture)
                face = ImageOps.contain(upright.convert("RGB"), (WIDTH, HEIGHT))
    except (
        UnidentifiedImageError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise Unprocessable("photo", "Send a photo as a JPEG or PNG file.") from error
    out = io.BytesIO()
    face.save(out, "JPEG", quality=80, optimize=True, progressive=True)
    return out.getvalue()
