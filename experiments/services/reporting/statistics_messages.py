"""Messages of the statistics, translated by their codes.

The statistics know no Django and speak English; each message has a code and numbers, by which it
is translated here.
"""

from django.utils.translation import gettext_lazy as _

from experiments.formatting import count
from experiments.stats.estimation.messages import InvalidInputError, Message, MessageCode, Text

# Sentences of the codes, translated when they are used.
TEMPLATES = {
    MessageCode.NO_VISITORS: _("An arm has no visitors."),
    MessageCode.ONE_VISITOR: _("An arm has one visitor only, so its variance is unknown."),
    MessageCode.NO_VARIANCE: _(
        "All visitors of an arm have the same outcome, so its variance cannot be estimated yet."
    ),
    MessageCode.ZERO_DENOMINATOR: _("The denominator of an arm's ratio is 0."),
    MessageCode.ZERO_CONTROL: _("The control's mean is 0, so a relative change does not exist."),
    MessageCode.UNBOUNDED_LIFT: _(
        "The control's mean is not distinguishable from 0, so no bounded interval for the "
        "lift exists."
    ),
    MessageCode.OUT_OF_RANGE: _("The result is beyond the range of floating-point numbers."),
    MessageCode.TOO_FEW_EXPECTED: _(
        "An arm expects fewer than 5 visitors, too few for a chi-squared test."
    ),
    MessageCode.ONE_ARM_WITH_SHARE: _("Fewer than two arms have a share above 0."),
    MessageCode.FEW_CLICKS: _(
        "An arm has fewer than 20 visitors who did it, or who did not, too few for a "
        "sequential interval of the effect."
    ),
    MessageCode.FEW_VISITORS: _(
        "An arm has fewer than 100 visitors, too few for a sequential comparison of means."
    ),
    MessageCode.FEW_IN_DENOMINATOR: _(
        "The denominator of an arm's ratio comes from fewer than 20 visitors, too few for a "
        "sequential comparison."
    ),
    MessageCode.NO_SPREAD: _("The standard error is 0, so nothing is known of the uncertainty."),
    MessageCode.SAMPLE_RATIO_MISMATCH: _(
        "Sample-ratio mismatch (p < %(threshold)s): visitors do not split as configured, so "
        "no comparison can be trusted before the cause is found."
    ),
    MessageCode.BAYESIAN_PANEL: _(
        "A Bayesian panel has no p-value and no correction, and stopping a running experiment"
        " on it does not control false alarms."
    ),
    MessageCode.MODEL_AND_PRIOR: _("Model %(model)s, prior %(prior)s."),
    MessageCode.EXACT_SPLIT_OF_CLICKS: _(
        "Below %(clicks)s clicks in an arm, or %(others)s visitors without one, the p-value "
        "and the lift's interval come from the exact split of the clicks."
    ),
    MessageCode.FEW_EXPECTED_CLICKS: _(
        "An arm expects fewer than %(n)s clicks, or visitors without one: method exact is "
        "more reliable."
    ),
    MessageCode.BOSCHLOO: _(
        "At most %(n)s visitors an arm: Boschloo's test is exact and never less powerful than"
        " Fisher's."
    ),
    MessageCode.FISHER: _(
        "More than %(n)s visitors in an arm: Fisher's test is exact and quick, and little is "
        "lost at this size."
    ),
    MessageCode.SCORE: _(
        "More than %(n)s visitors: the score test, to which the exact ones converge."
    ),
    MessageCode.SCORE_INTERVAL: _(
        "The interval inverts the score test, which differs from the exact one here."
    ),
    MessageCode.SUM_ABOVE_N: _("arms[%(arm)s].sum: must be at most n: %(given)s"),
    MessageCode.N_NOT_WHOLE: _("arms[%(arm)s].n: must be a whole number: %(given)s"),
    MessageCode.SUM_NOT_WHOLE: _("arms[%(arm)s].sum: must be a whole number: %(given)s"),
    MessageCode.N_OUT_OF_RANGE: _(
        "arms[%(arm)s].n: must lie between %(low)s and %(high)s; not %(given)s"
    ),
    MessageCode.SUM_NEGATIVE: _("arms[%(arm)s].sum: must not be negative: %(given)s"),
    MessageCode.NAME_REPEATED: _("arms[%(arm)s].name: must differ from the others: %(given)s"),
    MessageCode.NAME_LENGTH: _("arms[%(arm)s].name: must be 1 to %(most)s characters"),
    MessageCode.LIFT_ZERO: _("lift must be finite and not 0, got %(given)s"),
    MessageCode.LIFT_BEYOND_RATE: _(
        "lift must keep the rate inside (0, 1), got %(given)s on %(base)s"
    ),
    MessageCode.COUNTS_NOT_WHOLE: _("counts must be whole numbers of visitors: %(given)s"),
    MessageCode.SHARES_OUT_OF_RANGE: _("shares must lie between 0 and 1: %(given)s"),
}


def in_words(text: str | None) -> str:
    """Return a message, or those in a text, in the active language; other words as they are."""
    if isinstance(text, Message):
        numbers = {
            name: count(number) if isinstance(number, int) else number
            for name, number in text.numbers.items()
        }
        return str(TEMPLATES[text.code]) % numbers
    if isinstance(text, Text):
        return "".join(in_words(part) for part in text.parts)
    return text or ""


def error_in_words(error: Exception) -> str:
    """Return what is wrong with an input, in the active language where the error has a code."""
    return in_words(error.text if isinstance(error, InvalidInputError) else str(error))
