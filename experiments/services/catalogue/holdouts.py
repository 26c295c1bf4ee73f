"""The site's holdout: visitors left out of all experiments."""

from decimal import Decimal

from django.db import transaction

from experiments.assignment.hashing import (
    Allocation,
    NamespaceFilter,
    assign_visitor,
    compile_allocation,
)
from experiments.models import Site
from experiments.services.catalogue.config_revision import bump_revision


def holdout_filter(site: Site) -> NamespaceFilter:
    """Return the part of the visitors that remains for experiments."""
    rest = (float(site.holdout), 1.0)
    return NamespaceFilter(seed=site.assigned_holdout_seed, ranges=(rest,))


def holdout_rule(site: Site) -> Allocation | None:
    """Return the rule by which visitors are held out; None if nobody is."""
    if not site.holdout:
        return None
    return compile_allocation(
        seed=site.assigned_holdout_seed, shares=[1.0], filters=[holdout_filter(site)]
    )


def is_held_out(rule: Allocation | None, visitor: str) -> bool:
    """Return whether serving holds out the visitor with this id, as it was sent."""
    return rule is not None and assign_visitor(rule, visitor, {}).arm is None


@transaction.atomic
def set_holdout(*, site: Site, share: Decimal, before: Decimal) -> bool:
    """Hold a part of the visitors out from now on; return False if it was not `before` any more.

    A larger part takes visitors out of running experiments, a smaller one lets others in.
    """
    # The condition inside the UPDATE is the lock: two owners may set it at once.
    rows = Site.objects.filter(pk=site.pk, holdout=before)
    if not rows.update(holdout=share):
        return False
    bump_revision()
    return True
