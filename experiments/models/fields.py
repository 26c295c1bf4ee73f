"""Model fields that Django lacks."""

from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from experiments.models.validators import address_validator
from experiments.targeting.languages import spelled


class ExactDecimalField(models.Field[Any, Any]):
    """A decimal of any length: sums of money stay exact on every database.

    SQLite would store a DecimalField as a float and round it past 15 digits: there it is text, and
    only ever added in Python. Elsewhere it is a number without limits.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text" if connection.vendor == "sqlite" else "numeric"

    def from_db_value(self, value: Decimal | str | None, *_rest: Any) -> Decimal | None:
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


class SiteAddressField(models.CharField[Any, Any]):
    """The address of a site's pages, or none."""

    default_validators: ClassVar[list[Any]] = [address_validator]  # type: ignore[misc]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fixed = {"max_length": 200, "blank": True, "default": "", "db_default": ""}
        help_text = _("Where its pages are, such as https://shop.example: previews open there.")
        super().__init__(*args, **{"help_text": help_text, **fixed, **kwargs})

    def deconstruct(self) -> Any:
        # Validators and help are no part of the column.
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
