"""What the statistics say, in the language of the page.

They know no Django and speak English: reasons, warnings, and what is wrong with an input. Here
their sentences are listed for `makemessages` and found again in what they said.
"""

import re
from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

REASONS = (
    _("An arm has no visitors."),
    _("An arm has one visitor only, so its variance is unknown."),
    _("All visitors of an arm have the same outcome, so its variance cannot be estimated yet."),
    _("The denominator of an arm's ratio is 0."),
    _("The control's mean is 0, so a relative change does not exist."),
    _(
        "The control's mean is not distinguishable from 0, so no bounded interval for the lift "
        "exists."
    ),
    _("The result is beyond the range of floating-point numbers."),
    _("The logarithm of the ratio needs two means of the same sign."),
    _("An arm expects fewer than 5 visitors, too few for a chi-squared test."),
    _("Fewer than two arms have a share above 0."),
    _(
        "An arm has fewer than 20 visitors who did it, or who did not, too few for a sequential "
        "interval of the effect."
    ),
    _("An arm has fewer than 100 visitors, too few for a sequential comparison of means."),
    _("The planned visitors have come; the running interval ended with the plan."),
    _("An arm has no visitors in a stratum; merge it with a similar one."),
)
REMARKS = (
    _("The standard error is 0, so nothing is known of the uncertainty."),
    _(
        "Sample-ratio mismatch (p < %(threshold)s): visitors do not split as configured, so no "
        "comparison can be trusted before the cause is found."
    ),
    _(
        "A Bayesian panel has no p-value and no correction, and stopping a running experiment on "
        "it does not control false alarms."
    ),
    _("Model %(model)s, prior %(prior)s."),
    _(
        "Below %(clicks)s clicks in an arm, or %(others)s visitors without one, the p-value and "
        "the lift's interval come from the exact split of the clicks."
    ),
    _(
        "An arm expects fewer than %(n)s clicks, or visitors without one: method exact is more "
        "reliable."
    ),
    _(
        "At most %(n)s visitors an arm: Boschloo's test is exact and never less powerful than "
        "Fisher's."
    ),
    _(
        "More than %(n)s visitors in an arm: Fisher's test is exact and quick, and little is lost "
        "at this size."
    ),
    _("More than %(n)s visitors: the score test, to which the exact ones converge."),
    _("The interval inverts the score test, which differs from the exact one here."),
)
FAULTS = (
    _("arms[%(arm)s].sum: must be at most n: %(given)s"),
    _("arms[%(arm)s].n: must be a whole number: %(given)s"),
    _("arms[%(arm)s].sum: must be a whole number: %(given)s"),
    _("arms[%(arm)s].n: must lie between %(low)s and %(high)s; not %(given)s"),
    _("arms[%(arm)s].sum: must not be negative: %(given)s"),
    _("arms[%(arm)s].name: must differ from the others: %(given)s"),
    _("arms[%(arm)s].name: must be 1 to %(most)s characters"),
    _("lift must be finite and not 0, got %(given)s"),
    _("lift must keep the rate inside (0, 1), got %(given)s on %(base)s"),
    _("counts must be whole numbers of visitors: %(given)s"),
    _("shares must lie between 0 and 1: %(given)s"),
)


def in_words(text: str | None) -> str:
    """Return the listed sentences of a text in the active language, the rest as it is."""
    translated = text or ""
    for sentence, pattern in _patterns():
        found = pattern.search(translated)
        if found:
            told = gettext(sentence) % found.groupdict()
            translated = translated[: found.start()] + told + translated[found.end() :]
    return translated


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    sentences = (*REASONS, *REMARKS, *FAULTS)
    return tuple((sentence, _pattern(sentence)) for sentence in sentences)


def _pattern(sentence: str) -> re.Pattern[str]:
    pattern = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(sentence))
    # A gap goes to the first mark that the sentence goes on with; the last one takes the rest.
    return re.compile(re.sub(r"\.\+\?\)$", ".+)", pattern))
