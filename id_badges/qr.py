"""QR codes: black on white with the quiet zone around, so that an old phone reads them at the door."""

from functools import lru_cache
from io import BytesIO

from PIL import Image
from qrcode import constants
from qrcode.main import QRCode
from qrcode.util import QRData

QUIET_ZONE = 4
"""Modules of white on every side. A scanner may miss a code without them."""

SMALLEST_PNG = 300
"""Pixels. A smaller picture would leave too few for each module of a badge's code."""

_MASK = 0
"""Trying all eight masks takes most of the time, and a signed token is random under any of them."""


def version(text: str) -> int:
    """The smallest QR version (1 to 40) that holds `text` at error correction level M."""
    return _smallest_version(len(text.encode()))


def svg(text: str) -> bytes:
    """`text` as an SVG picture that scales to any size, white ground included."""
    rows = _modules(text)
    size = len(rows)
    path = "".join(f"M{x} {y}h{width}v1h-{width}z" for y, row in enumerate(rows) for x, width in _runs(row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="360" height="360"'
        f' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path fill="#000" d="{path}"/></svg>'
    ).encode()


def png(text: str, pixels: int = SMALLEST_PNG) -> bytes:
    """`text` as a PNG picture `pixels` wide and high. Every module is the same whole number of pixels.

    Raises ValueError below SMALLEST_PNG.
    """
    if pixels < SMALLEST_PNG:
        raise ValueError(f"a QR code needs {SMALLEST_PNG} pixels")
    modules = _picture(text)
    size = modules.width
    scale = pixels // size
    picture = Image.new("L", (pixels, pixels), 255)
    margin = (pixels - size * scale) // 2
    picture.paste(modules.resize((size * scale, size * scale), Image.Resampling.NEAREST), (margin, margin))
    return _as_png(picture)


def smallest_png(text: str) -> bytes:
    """`text` as a PNG picture of one pixel a module, quiet zone included: to be enlarged without smoothing."""
    return _as_png(_picture(text))


@lru_cache
def _smallest_version(length: int) -> int:
    code = QRCode(error_correction=constants.ERROR_CORRECT_M)
    code.add_data(QRData(b"x" * length))
    return code.best_fit()


def _modules(text: str) -> list[list[bool]]:
    """Rows of modules, True for dark, with the quiet zone."""
    code = QRCode(
        version=version(text),
        error_correction=constants.ERROR_CORRECT_M,
        border=QUIET_ZONE,
        mask_pattern=_MASK,
    )
    code.add_data(QRData(text.encode()))
    code.make(fit=False)
    return code.get_matrix()


def _picture(text: str) -> Image.Image:
    """One pixel a module, with the quiet zone."""
    rows = _modules(text)
    return Image.frombytes("L", (len(rows), len(rows)), bytes(0 if dark else 255 for row in rows for dark in row))


def _as_png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.convert("1").save(file, "PNG")
    return file.getvalue()


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    """Where each run of dark modules begins, and how long it is."""
    edges = [x for x in range(len(row)) if row[x] != row[x - 1]]
    return [(begins, ends - begins) for begins, ends in zip(edges[::2], edges[1::2], strict=True)]
