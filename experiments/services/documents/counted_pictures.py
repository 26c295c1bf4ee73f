"""Pictures of a report whose words conclude nothing where its data cannot be trusted."""

from dataclasses import replace

from django.utils.translation import gettext as _

from experiments.services.documents.picture import Picture
from experiments.services.documents.report_pictures import report_pictures
from experiments.services.reporting.full_report import FullReport

# Pictures whose words name what is best, or proven; those over days also name annotations.
CONCLUDING = ("lifts", "posteriors", "segments")


def counted_pictures(full: FullReport) -> list[Picture]:
    """Return the pictures of a report, those of untrusted data with a warning as their words."""
    pictures = report_pictures(full)
    if full.is_trusted:
        return pictures
    return [
        replace(picture, words=untrusted_warning()) if picture.name in CONCLUDING else picture
        for picture in pictures
    ]


def untrusted_warning() -> str:
    """Return what is said of figures that prove nothing."""
    return _("The data cannot be trusted: these figures are what was counted, and prove nothing.")
