"""Wordings as a person types them: one per line, a box for each language of the site."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.models import CTAWording
from experiments.services.lifecycle.drafts import MAX_ARMS

LONGEST: int = CTAWording._meta.get_field("text").max_length or 0
# A page shows a wording as text: its visitors would read the tags.
MARKUP = re.compile(r"<[a-zA-Z/!?]")
SHOWN = 40

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedWordings:
    """The arms beside the control, each with its texts by language, and the faults by language."""

    arms: tuple[Texts, ...]
    faults: Mapping[str, tuple[str, ...]]

    def gaps(self) -> list[tuple[int, str]]:
        """Return the arms without a text in a language, as the number of the line and it."""
        return [
            (number, locale)
            for number, texts in enumerate(self.arms, start=1)
            for locale in self.faults
            if locale not in texts
        ]


def read_wordings(typed: Mapping[str, str], *, control: Texts) -> TypedWordings:
    r"""Return what was typed: line n of every language is one arm.

    Args:
        typed: Contents of the boxes by language. An empty line is a missing text.
        control: Texts of the control by language.

    >>> read_wordings({"en": "Go\nTry it", "fr": "Allez"}, control={"en": "Start"}).gaps()
    [(2, 'fr')]
    """
    columns = {locale: _lines(text) for locale, text in typed.items()}
    n_arms = max((len(lines) for lines in columns.values()), default=0)
    rows = [
        {
            locale: lines[number]
            for locale, lines in columns.items()
            if number < len(lines) and lines[number]
        }
        for number in range(min(n_arms, MAX_ARMS))
    ]
    return TypedWordings(
        arms=tuple(row for row in rows if row),
        faults={
            locale: tuple(_faults(lines, control.get(locale, "")))
            for locale, lines in columns.items()
        },
    )


def markup_fault(text: str) -> str:
    """Return why a wording with tags in it is refused; empty if it has none."""
    if not MARKUP.search(text):
        return ""
    shown = {"text": text[:SHOWN]}
    return _("“%(text)s” has HTML in it. Visitors would read the tags: write words.") % shown


def gap_in_words(number: int, language: str) -> str:
    """Return a missing text as a sentence."""
    return _("Wording %(number)s has no text in: %(language)s.") % {
        "number": number,
        "language": language,
    }


def _lines(text: str) -> list[str]:
    """Return the lines without the empty ones at the end."""
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _faults(lines: Sequence[str], control: str) -> Iterator[str]:
    if len(lines) > MAX_ARMS:
        yield ngettext(
            "%(n)s line: a test has at most %(most)s wordings beside the present one. Rank them"
            " first, and keep the best.",
            "%(n)s lines: a test has at most %(most)s wordings beside the present one. Rank them"
            " first, and keep the best.",
            len(lines),
        ) % {"n": len(lines), "most": MAX_ARMS}
        return
    seen = {control} if control else set()
    for line in filter(None, lines):
        shown = {"text": line[:SHOWN], "most": LONGEST}
        if len(line) > LONGEST:
            yield _("Longer than %(most)s characters: %(text)s…") % shown
        if fault := markup_fault(line):
            yield fault
        if line in seen:
            yield _("“%(text)s” is there twice.") % shown
        seen.add(line)
