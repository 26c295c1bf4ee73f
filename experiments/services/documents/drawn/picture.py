"""A picture as data: kind, rows, words and table; its digest names what is drawn, and how."""

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from django.utils.translation import gettext as _

from experiments.formatting import count, decimal, percent, rounded, signed_percent
from experiments.services.analysis.report import Report
from experiments.services.pictures.days import Row
from experiments.services.pictures.rendering import drawing_code

Columns = tuple[tuple[str, str], ...]
Unit = Literal["lift", "rate"]
# The longest name beside a picture; the whole wording stands in the tables.
LONGEST_NAME = 80


# Without slots: the digest, the hash of all rows, is kept.
@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture in the active language.

    `kind` and `options` name its specification; `words` describe its content; `columns` are the
    fields of the rows with their titles, `units` those that are no plain numbers.
    """

    name: str
    kind: str
    title: str
    words: str
    columns: Columns
    rows: list[Row]
    options: dict[str, Any] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what is drawn; JSON has no infinity, so an open end is a large number."""
        rows = [{key: _finite(value) for key, value in row.items()} for row in self.rows]
        return {"kind": self.kind, "rows": rows, "options": self.options}

    @cached_property
    def digest(self) -> str:
        text = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(f"{drawing_code()}{text}".encode()).hexdigest()[:24]

    def table(self) -> list[list[str]]:
        """Return the numbers that are drawn, a list a row."""
        return [
            [_cell(row.get(key), self.units.get(key)) for key, _title in self.columns]
            for row in self.rows
        ]


def names_of_arms(report: Report) -> list[str]:
    """Return the names of the arms: their wordings, with the key where two are the same."""
    texts = [arm.text or arm.key for arm in report.arms]
    short = [text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…" for text in texts]
    often = Counter(short)
    return [
        f"{text} ({arm.key})" if often[text] > 1 else text
        for text, arm in zip(short, report.arms, strict=True)
    ]


def untrusted_warning() -> str:
    """Return what is said of figures that prove nothing."""
    return _("The data cannot be trusted: these figures are what was counted, and prove nothing.")


def _cell(value: Any, unit: Unit | None) -> str:
    if unit is not None and isinstance(value, float | int):
        return signed_percent(value) if unit == "lift" else percent(value)
    if isinstance(value, float):
        return rounded(value) if math.isinf(value) else decimal(value, 6)
    return count(value) if isinstance(value, int) or value is None else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else math.copysign(1e9, value)
    return value
