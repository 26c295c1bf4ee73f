"""Model fields that Django lacks."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from experiments.targeting.languages import spelled


class ExactDecimalField(models.Field[Any, Any]):
    """A decimal of any length: sums of money stay exact on every database.

    SQLite would store a DecimalField as a float and round it past 15 digits: there it is text, and
    only ever added in Python. Elsewhere it is a number without limits.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text" if connection.vendor == "sqlite" else "numeric"

    def from_db_value(self, value: Decimal | str | None, *_: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError as error:
            raise ValidationError(f"{value!r} is not a decimal number.") from error

    def get_prep_value(self, value: Any) -> str | None:
        number = self.to_python(value)
        return None if number is None else format(number, "f")

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


class LanguageTagField(models.CharField[Any, Any]):
    """A language tag, kept in the recommended spelling: `en_us` is stored as `en-US`."""

    def to_python(self, value: Any) -> Any:
        return spelled(value) if isinstance(value, str) else super().to_python(value)

    def deconstruct(self) -> Any:
        # The same column: migrations of before it need not change.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
