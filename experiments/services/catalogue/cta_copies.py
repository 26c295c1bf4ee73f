"""Copies of CTAs with the same look and wordings, and the names of copies."""

import re
from collections.abc import Collection
from itertools import count

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import CTA, CTAWording, Site
from experiments.services.catalogue.config_revision import bump_revision

LONGEST: int = CTA._meta.get_field("name").max_length or 0
# Left free for what a name gets in addition.
FREE = 20


@transaction.atomic
def copy_cta(cta: CTA) -> CTA:
    """Return a new CTA with the look, the wordings and the tags of another one."""
    # Locked: two people who copy at once wait for each other, and get two names.
    Site.objects.select_for_update(no_key=True).get(pk=cta.site_id)
    wordings, tags = list(cta.wordings.all()), list(cta.tags.all())
    copy = CTA.objects.get(pk=cta.pk)
    copy.pk = None
    copy._state.adding = True
    taken = CTA.objects.filter(site=cta.site_id).values_list("name", flat=True)
    copy.archived_at = None
    copy.name = name_of_copy(cta.name, set(taken))
    copy.save()
    CTAWording.objects.bulk_create(
        CTAWording(cta=copy, locale=row.locale, text=row.text) for row in wordings
    )
    copy.tags.set(tags)
    bump_revision()
    return copy


def name_of_copy(name: str, taken: Collection[str]) -> str:
    """Return the name of a copy, which none of the taken names is; a copy of a copy is numbered.

    >>> name_of_copy("Sign up", {"Sign up"})
    'Sign up (copy)'
    >>> name_of_copy("Sign up (copy)", {"Sign up", "Sign up (copy)"})
    'Sign up (copy 2)'
    """
    first, further = _("%(name)s (copy)"), _("%(name)s (copy %(number)s)")
    stem = _original(name, (first, further))[: LONGEST - FREE].rstrip()
    names = (
        (first if number == 1 else further) % {"name": stem, "number": number}
        for number in count(1)
    )
    return next(one for one in names if one not in taken)


def _original(name: str, forms: tuple[str, str]) -> str:
    """Return the name without the mark of a copy."""
    for form in forms:
        pattern = re.escape(form % {"name": "\0", "number": "\1"})
        pattern = pattern.replace(re.escape("\0"), "(.+)").replace(re.escape("\1"), r"\d+")
        found = re.fullmatch(pattern, name, re.DOTALL)
        if found:
            return found[1]
    return name
