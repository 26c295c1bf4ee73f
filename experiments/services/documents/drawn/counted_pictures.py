"""Pictures of a report whose words conclude nothing where its data cannot be trusted."""

from dataclasses import replace

from experiments.services.documents.drawn.picture import Picture, untrusted_warning
from experiments.services.documents.drawn.report_pictures import report_pictures
from experiments.services.reporting.full_report import FullReport

# Pictures whose words name what is best, or proven; those over days warn beside their annotations.
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
