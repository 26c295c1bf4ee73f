"""Annotations of a report's days by people, each with a line of the history."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Annotation, Change, Experiment
from experiments.services.lifecycle.change_log import Occasion, record

LONGEST_TEXT = 300
# More on one time axis could not be told apart.
MOST_ANNOTATIONS = 100


class CannotAnnotateError(ValueError):
    """An annotation makes no sense; sentences by field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


@transaction.atomic
def annotate(*, experiment: Experiment, day: str, text: str, occasion: Occasion) -> Annotation:
    """Write a sentence about a day of the experiment; return the equal one if there is one.

    Raises:
        CannotAnnotateError: If the text is empty or long, or the day is none of the experiment's.
    """
    text, faults = " ".join(text.split()), {}
    if not 1 <= len(text) <= LONGEST_TEXT:
        faults["text"] = _("Write 1 to %(most)s characters.") % {"most": LONGEST_TEXT}
    found = _day(experiment, day, occasion)
    if found is not None:
        same = Annotation.objects.filter(experiment=experiment, day=found, text=text).first()
        if same is not None:
            return same
    if found is None:
        faults["day"] = _("Choose a day from the start of the test until today.")
    if Annotation.objects.filter(experiment=experiment).count() >= MOST_ANNOTATIONS:
        faults["text"] = _("There are %(most)s annotations already.") % {"most": MOST_ANNOTATIONS}
    if faults or found is None:
        raise CannotAnnotateError(faults)
    annotation = Annotation.objects.create(
        experiment=experiment,
        day=found,
        text=text,
        created_at=occasion.now,
        author=occasion.author,
    )
    record(experiment, Change.Kind.ANNOTATE, _noted(occasion, annotation))
    return annotation


@transaction.atomic
def remove_annotation(*, annotation: Annotation, occasion: Occasion) -> bool:
    """Remove an annotation, whose text the history keeps; return False if it was gone."""
    if not Annotation.objects.filter(pk=annotation.pk).delete()[0]:
        return False
    record(annotation.experiment, Change.Kind.UNANNOTATE, _noted(occasion, annotation))
    return True


def _day(experiment: Experiment, text: str, occasion: Occasion) -> date | None:
    """Return a day of the experiment; None for a text that is none."""
    if experiment.started_at is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    zone = experiment.zone_of_days
    first, last = calendar_day(experiment.started_at, zone), calendar_day(occasion.now, zone)
    return day if first <= day <= last else None


def _noted(occasion: Occasion, annotation: Annotation) -> Occasion:
    return Occasion(
        now=occasion.now,
        author=occasion.author,
        note=str(annotation),
        server_key=occasion.server_key,
    )
