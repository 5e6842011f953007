"""The kinds of value the API takes and gives, each with its limits and its words for what is wrong."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate

from api import current
from models import phone, postcode
from models.wall_clock import shown

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}
"""Zero-width joiners are letters' business in many scripts; other invisible characters only deceive."""


_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
"""The seconds may be left out: that is a slip and no doubt. Week dates and the like are not RFC 3339."""


class Text(fields.String):
    """Words somebody typed: trimmed, in Unicode NFC, with no control or direction-changing characters."""

    def __init__(self, *, longest: int, empty: bool = False, lines: bool = False, **kwargs: Any) -> None:
        self._lines = lines
        checks = [validate.Length(min=0 if empty else 1, max=longest)]
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", str(super()._deserialize(value, attr, data, **kwargs)).strip())
        for character in text:
            if self._lines and character == "\n":
                continue
            if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS:
                raise ValidationError("Remove the invisible characters.")
        return text


class Instant(fields.AwareDateTime):
    """An instant in RFC 3339 with an offset; a time without one could mean two instants, so it is refused."""

    default_error_messages = {
        "invalid": "Give a time with its offset, such as 2026-11-25T10:00:00+00:00.",
        "invalid_awareness": "Give the time's offset, such as Z or +01:00.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type="datetime")
        try:
            return super()._deserialize(value.upper(), attr, data, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class WallClock(fields.String):
    """A time of day by London's clocks, such as 09:30; inside, minutes after midnight. As the end of something it
    may be 24:00, the midnight that ends the day."""

    def __init__(self, *, end: bool = False, **kwargs: Any) -> None:
        hours = "([01][0-9]|2[0-3]):[0-5][0-9]"
        self._pattern = f"^({hours}|24:00)$" if end else f"^{hours}$"
        super().__init__(metadata={"pattern": self._pattern, "description": "London's clocks"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        words = str(super()._deserialize(value, attr, data, **kwargs))
        # `$` alone would let a line end follow.
        if not re.match(self._pattern, words) or len(words) != len("09:30"):
            raise ValidationError("Give a time of day, such as 09:30.")
        return int(words[:2]) * 60 + int(words[3:])

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else shown(value)


class Whole(fields.Integer):
    """A whole number; 1.5, true and "1" are not whole numbers."""

    def __init__(self, *, least: int, most: int, strict: bool = True, **kwargs: Any) -> None:
        super().__init__(strict=strict, validate=validate.Range(least, most), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, (bool, str)) and self.strict:
            raise self.make_error("invalid", input=value)
        # int() alone would read "5_0", " 5" and Arabic digits.
        if isinstance(value, str) and (len(value) > 12 or not value.isascii() or not value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class YesNo(fields.Boolean):
    """true or false; neither "yes" nor 1, which Python takes for true."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Phone(Text):
    """A telephone number in any spelling people use; comes back in E.164."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=40, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return phone.normalise(text, drama=not current.settings().production)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Postcode(Text):
    """A UK postcode, spelled one way."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=12, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return postcode.normalise_postcode(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Skills(fields.List[Any]):
    """Skills by name, such as `gas` or `sign-language`, each once."""

    def __init__(self, **kwargs: Any) -> None:
        word = fields.String(
            validate=validate.Regexp(
                r"\A[a-z0-9][a-z0-9_-]{0,39}\Z",
                error="Write a skill in small letters and digits, with hyphens for spaces, such as sign-language.",
            )
        )
        super().__init__(word, validate=validate.Length(max=20), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return sorted({str(skill) for skill in super()._deserialize(value, attr, data, **kwargs)})


class Areas(fields.List[Any]):
    """Postcode districts such as `HA1`, or sectors such as `HA1 2`, each once; none is everywhere."""

    def __init__(self, **kwargs: Any) -> None:
        area = fields.String(
            validate=validate.Regexp(
                r"\A[A-Z]{1,2}[0-9][0-9A-Z]?( [0-9])?\Z",
                error="Give a district or a sector of it in capitals, such as HA1 or HA1 2.",
            )
        )
        super().__init__(area, validate=validate.Length(max=100), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return sorted({str(area) for area in super()._deserialize(value, attr, data, **kwargs)})


class ListIn(ma.Schema):
    """What every list takes: how many to give, and where the last page ended."""

    limit = Whole(least=1, most=200, strict=False, load_default=50, metadata={"description": "At most 200"})
    cursor = fields.String(
        validate=validate.Length(max=400), metadata={"description": "next_cursor of the page before"}
    )
