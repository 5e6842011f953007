"""The badge's QR code is small enough for an old phone, and the typed code bears slips of the finger."""

import io
import itertools
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from id_badges import keys, qr, short_code, tokens
from id_badges.keys import KeyRing
from id_badges.short_code import ParsedCode
from id_badges.tokens import Clock, Forged
from models.badge import BadgeKind
from models.reference import ALPHABET
from tests.scanning import qr_codes

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
HOST = "https://visits.harrow.gov.uk"
SECRET = bytes(range(32))
BADGE = UUID("0b8c6a52-6f5e-4f5c-9a52-1d7c3c0c8e11")
HANDLE = 0b10110_00001_11111_01010


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder: Path = tmp_path_factory.mktemp("qr") / "keys"
    keys.create_keys(folder, NOON)
    ring = KeyRing.load(folder)
    return [
        f"{HOST}/b/{tokens.mint_phone_badge(ring, issuer='harrow', badge_id=uuid4(), at=NOON)}" for _ in range(20)
    ]


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("L")


def drawn(content: bytes, scale: int) -> Image.Image:
    """The SVG's one path, painted by hand: squares of `M x y h width v1 h-width z`."""
    root = ElementTree.fromstring(content)
    size = int(root.attrib["viewBox"].split()[2])
    image = Image.new("L", (size, size), 255)
    path = root.findall("{http://www.w3.org/2000/svg}path")[1].attrib["d"]
    for run in path.split("M")[1:]:
        place, _, rest = run.partition("h")
        x, y = (int(number) for number in place.split())
        for step in range(int(rest.partition("v")[0])):
            image.putpixel((x + step, y), 0)
    return image.resize((size * scale, size * scale), Image.Resampling.NEAREST)


def test_a_phone_badge_fits_version_12(urls: list[str]) -> None:
    assert {qr.version(url) for url in urls} == {12}
    assert {len(url) for url in urls} == {287}


def test_three_hundred_pixels_are_enough_to_read_it(urls: list[str]) -> None:
    for url in urls:
        image = picture(qr.png(url))
        assert image.size == (300, 300)
        (found,) = qr_codes(image)
        assert (found.text, found.format) == (url, zxingcpp.BarcodeFormat.QRCode)
        assert found.ec_level == "M"


def seen_from_aside(image: Image.Image, pixels: int, narrower: float) -> Image.Image:
    """The picture on a phone that is held at an angle: `pixels` wide, its far side shorter by this part."""
    size, cut = image.width, narrower / 2 * pixels
    corners = [(0, 0), (pixels, cut), (pixels, pixels - cut), (0, pixels)]
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (size, 0), (size, size), (0, size)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    return image.transform(
        (pixels, pixels),
        Image.Transform.PERSPECTIVE,
        solved(rows, wanted),
        Image.Resampling.BICUBIC,
        fillcolor=255,
    )


def solved(rows: list[list[float]], wanted: list[float]) -> list[float]:
    """The unknowns of these equations."""
    rows = [[*map(float, row), float(value)] for row, value in zip(rows, wanted, strict=True)]
    for place in range(len(rows)):
        best = max(range(place, len(rows)), key=lambda row: abs(rows[row][place]))
        rows[place], rows[best] = rows[best], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for other in range(len(rows)):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_small_slanted_and_blurred_picture_is_enough_to_read_it(urls: list[str], turned: int) -> None:
    """211 pixels, 16 % of perspective and a mild blur: an old phone's camera, in a hurry."""
    for url in urls:
        slanted = seen_from_aside(picture(qr.png(url, 730)).rotate(turned), 211, 0.16)
        (found,) = qr_codes(slanted.filter(ImageFilter.GaussianBlur(0.7)))
        assert found.text == url


@pytest.mark.parametrize("pixels", [301, 365, 512, 1200])
def test_a_png_has_the_size_that_was_asked_for(urls: list[str], pixels: int) -> None:
    image = picture(qr.png(urls[0], pixels))
    assert image.size == (pixels, pixels)
    assert qr_codes(image)[0].text == urls[0]


def test_a_png_too_small_to_scan_is_refused() -> None:
    with pytest.raises(ValueError, match="300"):
        qr.png("text", 299)


def test_the_smallest_png_has_a_pixel_a_module_and_is_read_when_it_is_enlarged(urls: list[str]) -> None:
    for url in urls:
        image = picture(qr.smallest_png(url))
        assert image.size == (73, 73)
        assert qr_codes(image.resize((292, 292), Image.Resampling.NEAREST))[0].text == url


def test_the_quiet_zone_is_four_white_modules_on_every_side(urls: list[str]) -> None:
    image = picture(qr.png(urls[0]))
    module, size = 300 // 73, 300
    inner = image.point(lambda value: 255 - value).getbbox()
    assert inner is not None
    left, top, right, bottom = inner
    assert min(left, top, size - right, size - bottom) >= 4 * module


def test_the_svg_has_a_white_ground_and_the_same_code(urls: list[str]) -> None:
    for url in urls[:3]:
        content = qr.svg(url)
        ground = ElementTree.fromstring(content)[0]
        assert (ground.attrib["fill"], ground.attrib["d"]) == ("#fff", "M0 0h73v73H0z")
        assert qr_codes(drawn(content, 4))[0].text == url
        assert b"style" not in content and b"script" not in content


def test_text_that_is_not_ascii_is_held_as_utf_8() -> None:
    assert qr_codes(picture(qr.png("Bàdge – ✓")))[0].text == "Bàdge – ✓"


def code(at: datetime = NOON, badge: UUID = BADGE) -> str:
    return short_code.short_code(SECRET, badge, HANDLE, at)


def parsed(text: str) -> ParsedCode:
    found = short_code.parse(text)
    assert found is not None
    return found


def clock_of(shown_at: datetime, at: datetime) -> Clock | None:
    try:
        return short_code.read(parsed(code(shown_at)), secret=SECRET, badge_id=BADGE, at=at).clock
    except Forged:
        return None


def test_a_code_is_ten_characters_in_two_groups_and_none_is_ambiguous() -> None:
    for minute in range(200):
        text = short_code.short_code(SECRET, uuid4(), minute * 5231, NOON)
        assert len(text) == 11 and text[5] == "-"
        assert set(text) <= set(ALPHABET) | {"-"} and not set(text) & set("ILOU")


def test_a_code_names_its_badge_by_the_handle() -> None:
    assert parsed(code()).handle == HANDLE
    for handle in (0, 1, 2**20 - 1):
        assert parsed(short_code.short_code(SECRET, BADGE, handle, NOON)).handle == handle


def test_a_code_is_read_as_a_phone_badge() -> None:
    reading = short_code.read(parsed(code()), secret=SECRET, badge_id=BADGE, at=NOON)
    assert (reading.kind, reading.badge_id, reading.clock) == (BadgeKind.PHONE, BADGE, Clock.VALID)
    assert (reading.issued_at, reading.expires_at) == (NOON, NOON + timedelta(seconds=180))


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [
        (-31, None),
        (-30, Clock.VALID),
        (0, Clock.VALID),
        (120, Clock.VALID),
        (179, Clock.VALID),
        (209, Clock.VALID),
        (210, Clock.TIMED_OUT),
        (180 + 899, Clock.TIMED_OUT),
        (180 + 900, None),
        (86_400, None),
    ],
)
def test_a_code_is_good_for_its_minute_and_two_more(seconds: int, clock: Clock | None) -> None:
    at = NOON + timedelta(seconds=seconds)
    found = clock_of(NOON, at)
    assert found is clock or (clock is None and found is Clock.LONG_EXPIRED)


@pytest.mark.parametrize("second", range(60))
def test_whenever_it_is_shown_a_code_is_good_for_two_minutes_at_least(second: int) -> None:
    shown_at = NOON + timedelta(seconds=second)
    assert clock_of(shown_at, shown_at + timedelta(seconds=120)) is Clock.VALID


def test_a_code_proves_one_badge_and_needs_the_secret() -> None:
    shown = parsed(code())
    assert short_code.matches(SECRET, shown, BADGE, NOON) == NOON
    assert short_code.matches(SECRET, shown, uuid4(), NOON) is None
    assert short_code.matches(bytes(32), shown, BADGE, NOON) is None


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda text: text.replace("-", ""),
        lambda text: text.replace("-", " "),
        lambda text: " ".join(text),
        lambda text: f"  {text}\n",
        lambda text: text.replace("-", "–"),
        lambda text: text.replace("1", "I").replace("0", "O"),
        lambda text: text.replace("1", "l").replace("0", "o"),
    ],
)
def test_a_code_may_be_typed_in_any_of_the_usual_ways(change: object) -> None:
    assert callable(change)
    for minute in range(40):
        text = code(NOON + timedelta(minutes=minute))
        assert short_code.parse(change(text)) == parsed(text)


def test_every_single_slip_is_noticed() -> None:
    plain = code().replace("-", "")
    for place, other in itertools.product(range(10), ALPHABET):
        if other != plain[place]:
            assert short_code.parse(plain[:place] + other + plain[place + 1 :]) is None


@settings(deadline=None)
@given(st.integers(0, 2**20 - 1), st.uuids(version=4))
def test_every_swap_of_two_characters_is_noticed(handle: int, badge: UUID) -> None:
    plain = short_code.short_code(SECRET, badge, handle, NOON).replace("-", "")
    for first, second in itertools.combinations(range(10), 2):
        swapped = list(plain)
        swapped[first], swapped[second] = plain[second], plain[first]
        if plain[first] != plain[second]:
            assert short_code.parse("".join(swapped)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "ABCDE-FGHJ",
        "ABCDE-FGHJKK",
        "ÀBCDE-FGHJK",
        "UUUUU-UUUUU",
        "ABCDE_FGHJK",
        "\0" * 10,
        "٠" * 10,
        "ſ" * 10,
        "A" * 1_000_000,
        "<script>aa",
        "' OR 1=1--",
    ],
)
def test_what_cannot_be_a_code_is_none(text: str) -> None:
    assert short_code.parse(text) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    found = short_code.parse(text)
    assert found is None or (0 <= found.handle < 2**20 and len(found.proof) == 5)


def test_of_a_thousand_guesses_for_a_known_badge_none_is_right() -> None:
    right = parsed(code())
    guesses = (ParsedCode(HANDLE, short_code._spell(number * 33_331 % 2**25, 5)) for number in range(1000))
    assert not [guess for guess in guesses if guess != right and short_code.matches(SECRET, guess, BADGE, NOON)]
