"""Rules of the diary that a scheduler books against, each with a reason, and those that only warn."""

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate, validates

from api.fields import Text
from models.booking_rules import NEVER, Broken, Rule


class OverrideIn(ma.Schema):
    """A rule, and why it is booked against: both stay in the visit's history."""

    rule = fields.Enum(Rule, by_value=fields.String, required=True)
    reason = Text(required=True, longest=500)

    @validates("rule")
    def may_be_broken(self, rule: Rule, **_: Any) -> None:
        if rule in NEVER:
            raise ValidationError(
                "Nobody books against an overlap, leave or a missing skill. Choose another officer."
            )


class Overrides(fields.List[Any]):
    """The rules to book against, each once; comes back as their reasons. One that is not broken does no harm."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(OverrideIn), load_default=dict, validate=validate.Length(max=len(Rule)))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        named: list[Any] = super()._deserialize(value, attr, data, **kwargs) or []
        reasons = {each["rule"]: each["reason"] for each in named}
        if len(reasons) < len(named):
            raise ValidationError("Name each rule once.")
        return reasons


class WarningOut(ma.Schema):
    """What is broken and refuses nothing: a rule about hours that nobody has set, and that are assumed."""

    rule = fields.Enum(Rule, by_value=fields.String, required=True)
    detail = fields.String(required=True)


def warnings_out(warnings: Sequence[Broken]) -> list[dict[str, Any]]:
    """What WarningOut says of each."""
    return [{"rule": each.rule, "detail": each.detail} for each in warnings]
