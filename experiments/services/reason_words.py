"""Why a figure is missing: the sentences of the statistics, for `makemessages` to find.

The statistics know no Django and give their reasons in English; the pages look them up with
`{% translate reason %}`.
"""

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
    _("The standard error is 0, so nothing is known of the uncertainty."),
)
