"""Form field for arms as lines of a name and numbers, as they are typed or pasted."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from django import forms
from django.utils.text import get_text_list
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from experiments import formatting
from tables.labels import tidy_name, total_of
from tables.lines import LineError, NamedNumbers, read_lines
from tables.numbers import Decimal

MOST_ARMS = 20
DECIMALS: Mapping[str, Decimal] = {"en": ".", "fr": ","}

MESSAGES = {
    "no_numbers": gettext_lazy("Line %(line)s: write a name, then %(wanted)s."),
    "several_splits": gettext_lazy(
        "Line %(line)s can be read in several ways: %(splits)s. Put tabs or semicolons between the "
        "columns."
    ),
    "empty": gettext_lazy("Line %(line)s: a number is missing; write a name, then %(wanted)s."),
    "not_a_number": gettext_lazy(
        "Line %(line)s: \u201c%(text)s\u201d is not a number; write a name, then %(wanted)s."
    ),
    "not_whole": gettext_lazy("Line %(line)s: \u201c%(text)s\u201d is not a whole number."),
    "ambiguous": gettext_lazy(
        "Line %(line)s: \u201c%(text)s\u201d may be %(readings)s. Write it without a separator of "
        "thousands."
    ),
}


class ArmsField(forms.CharField):
    """Arms as lines of a name and numbers.

    Args:
        columns: Name of each number for people, by its key.
        fractions: Keys of the numbers that need not be whole.
        is_falling: True if no number of a line may exceed the one before it.
    """

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def __init__(
        self,
        *,
        columns: Mapping[str, Any],
        fractions: tuple[str, ...] = (),
        is_falling: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.columns = columns
        self.fractions = fractions
        self.is_falling = is_falling

    def clean(self, value: Any) -> list[dict[str, Any]]:
        try:
            lines = read_lines(
                super().clean(value),
                whole=[key not in self.fractions for key in self.columns],
                is_falling=self.is_falling,
                decimal=DECIMALS.get((get_language() or "").split("-")[0]),
            )
        except LineError as error:
            raise forms.ValidationError(self._in_words(error)) from error
        if not 2 <= len(lines) <= MOST_ARMS:
            raise forms.ValidationError(
                _("Write 2 to %(most)s arms, one per line.") % {"most": MOST_ARMS}
            )
        self._refuse_totals(lines)
        return [
            {"name": tidy_name(line.name), **dict(zip(self.columns, line.numbers, strict=True))}
            for line in lines
        ]

    def _refuse_totals(self, lines: Sequence[NamedNumbers]) -> None:
        adds_up = [key not in self.fractions for key in self.columns]
        rows = [(line.name, list(compress(line.numbers, adds_up))) for line in lines]
        if name := total_of(rows):
            message = _("“%(text)s” is a row of totals and no arm: take it out.")
            raise forms.ValidationError(message % {"text": name})

    def _in_words(self, error: LineError) -> str:
        words = [_reading_in_words(value) for value in error.readings]
        return str(MESSAGES[error.problem]) % {
            "line": error.line,
            "text": error.text,
            "wanted": ", ".join(str(name) for name in self.columns.values()),
            "splits": "; ".join(error.splits),
            "readings": get_text_list(words, _("or")),
        }


def _reading_in_words(value: float) -> str:
    return formatting.count(int(value)) if value.is_integer() else formatting.threshold(value)
