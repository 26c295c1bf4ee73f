"""Sentences about events that an import refuses, in the active language.

The checks of events answer programs, in English. Every answer of theirs has its sentence here; a
test goes through the checks.
"""

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# A text as Python quotes it.
_TEXT = r"(?P<q>['\"])(?P<text>.*)(?P=q)"
_MALFORMED = gettext_lazy("A value is missing or malformed: %(field)s.")
# The first that fits holds.
_SENTENCES: tuple[tuple[str, Promise], ...] = (
    (r"at: lies in the future", gettext_lazy("The time lies in the future.")),
    (r"at: is more than .*", gettext_lazy("The time is more than 30 days ago.")),
    (
        r"id: its time lies .*",
        gettext_lazy("The time in the ID of the event lies in the future."),
    ),
    (r"id: its time is .*", gettext_lazy("The time in the ID of the event is too long ago.")),
    (r"slot: unknown .*", gettext_lazy("There is no such slot.")),
    (r"slot: no experiment .*", gettext_lazy("No experiment ran on this slot at that time.")),
    (r"variant: unknown .*", gettext_lazy("No experiment on this slot has such an arm.")),
    (r"variant: a preview .*", gettext_lazy("A preview is not counted.")),
    (
        r"experiment: needed.*",
        gettext_lazy("Several experiments on this slot have such an arm."),
    ),
    (
        r"visitor: is a placeholder.*",
        gettext_lazy("The visitor is a placeholder: the ID of one visitor is needed."),
    ),
    (
        r"visitor: looks like an e-mail.*",
        gettext_lazy("The visitor is an e-mail address: use an ID that does not name the person."),
    ),
    (
        r"visitor: looks like an IP.*",
        gettext_lazy("The visitor is an IP address: use an ID that does not name the person."),
    ),
    (r"order: is longer .*", gettext_lazy("The order number is too long.")),
    (
        r"order: is a placeholder.*",
        gettext_lazy("The order number is a placeholder: the number of one order is needed."),
    ),
    (
        rf"value: {_TEXT} is (?:empty|not a number|not a whole number)",
        gettext_lazy("“%(text)s” is not a number"),
    ),
    (
        rf"value: {_TEXT} may be .*",
        gettext_lazy(
            "“%(text)s” may be thousands or decimals: write it without a separator of thousands"
        ),
    ),
    (rf"value: {_TEXT} is beyond .*", gettext_lazy("“%(text)s” is too large")),
    (
        rf"value: {_TEXT} is in one of several .*",
        gettext_lazy("“%(text)s” may be in several currencies: name one in the column for it"),
    ),
    (
        rf"value: {_TEXT} is not in (?P<currency>\w+), .*",
        gettext_lazy("“%(text)s” is not in %(currency)s, the currency that the line names"),
    ),
    (
        r"value: this site takes .*",
        gettext_lazy("The site takes values from its servers only."),
    ),
    (r".* - at `\$\.(?P<field>\w+)`", _MALFORMED),
    (r"Object missing required field `(?P<field>\w+)`.*", _MALFORMED),
)
_COMPILED = tuple((re.compile(start, re.DOTALL), words) for start, words in _SENTENCES)


def reason_in_words(reason: str, *, labels: Mapping[str, object]) -> str:
    """Return why an event is refused; as programs get it, should it have no sentence.

    Args:
        reason: Answer of the checks of events.
        labels: Names for people of the fields of an event.
    """
    for pattern, words in _COMPILED:
        if found := pattern.fullmatch(reason):
            return str(words) % _parts(found, labels)
    return _("The line is refused: %(reason)s") % {"reason": reason}


def _parts(found: re.Match[str], labels: Mapping[str, object]) -> dict[str, str]:
    parts = {name: text for name, text in found.groupdict().items() if text is not None}
    if field := parts.get("field"):
        parts["field"] = str(labels.get(field, field))
    return parts
