"""Tags of an experiment and the person responsible for it: they change in every state."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Experiment, Tag
from experiments.selectors.permissions import people_with
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.edits.edit_log import Author, logged

VIEW = "experiments.view_experiment"
MOST_TAGS = 20
LONGEST_TAG: int = Tag._meta.get_field("name").max_length or 0


@transaction.atomic
def set_labels(*, experiment: Experiment, tags: Sequence[str], owner: Any, by: Author) -> None:
    """Give an experiment tags by name, new ones among them, and somebody responsible, or nobody.

    Raises:
        CannotSaveError: If a tag is empty, long or one too many, or the person may not see it.
    """
    site = experiment.slot.site
    names = list(dict.fromkeys(name.strip() for name in tags))
    if len(names) > MOST_TAGS:
        fault = _("At most %(most)s tags on one test.") % {"most": MOST_TAGS}
        raise CannotSaveError({"tags": [fault]})
    for name in names:
        if not 1 <= len(name) <= LONGEST_TAG:
            fault = _("A tag has 1 to %(most)s characters.") % {"most": LONGEST_TAG}
            raise CannotSaveError({"tags": [fault]})
    if owner is not None and not people_with(VIEW, site).filter(pk=owner.pk).exists():
        raise CannotSaveError({"owner": [_("This person has no role on the site.")]})
    with logged(experiment, by):
        Experiment.objects.filter(pk=experiment.pk).update(owner=owner)
        rows = [Tag.objects.get_or_create(site=site, name=name)[0] for name in names]
        experiment.tags.set(rows)
    experiment.owner = owner
