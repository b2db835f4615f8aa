"""Field types that take exactly what they say: no "5" for 5, no 1 for true, no misleading text."""

from collections.abc import Mapping
from typing import Any, TypeVar

from marshmallow import ValidationError, fields, validate

from mfa_service.domain.text import misleads

T = TypeVar("T")


class Integer(fields.Integer):
    """A JSON integer; a boolean or a text is none."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("Not an integer.")
        return value


class Boolean(fields.Boolean):
    """JSON true or false."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value


class Digits(fields.Integer):
    """An integer in a query: ASCII digits only."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
            raise ValidationError("Not a number.")
        if len(value) > 9:  # noqa: PLR2004  # far above any bound, far below what is slow to parse
            raise ValidationError("Too large.")
        return int(value)


class Anything(fields.Dict):
    """A JSON object whose members are judged elsewhere."""


def text(low: int, high: int, **options: Any) -> fields.String:
    """Return a text of `low` to `high` code points."""
    return fields.String(validate=validate.Length(min=low, max=high), **options)


def shown(low: int, high: int, **options: Any) -> fields.String:
    """Return a text that people will read: nothing in it reorders or breaks the line."""
    return fields.String(validate=[validate.Length(min=low, max=high), not_misleading], **options)


def not_misleading(value: str) -> None:
    """Raise for bidirectional controls and line separators."""
    if misleads(value):
        raise ValidationError("Characters that change the direction of text are not allowed.")
