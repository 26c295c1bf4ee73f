"""Fills a new database with live experiments: live_catalogue.py N. One slot each, four arms.

With more than two, the slot `crowded` has the last three to itself, two of them for audiences that
the benchmark's visitors do not belong to: the longest way to an arm.
"""

import sys

import django
from recording import PROJECT

sys.path.insert(0, str(PROJECT))
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from experiments.services.catalogue.config_revision import bump_revision  # noqa: E402
from tests import factories  # noqa: E402

SHARES = {"control": "0.25", "b": "0.25", "c": "0.25", "d": "0.25"}
CONDITIONS = ({"device": "desktop", "country": {"$in": ["FR", "BE"]}}, {"utm_source": "mail"}, None)


@transaction.atomic
def main(n_experiments: int, *, is_crowded: bool) -> None:
    site = factories.make_site("bench")
    if is_crowded:
        crowded = factories.make_slot(site, "crowded")
        for number, condition in enumerate(CONDITIONS):
            audience = condition and factories.make_audience(site, f"a-{number}", condition)
            key = f"crowded-{number}"
            factories.make_running_experiment(crowded, key, shares=SHARES, audience=audience)
    for number in range(n_experiments):
        slot = factories.make_slot(site, f"slot-{number}")
        experiment = factories.make_running_experiment(slot, f"test-{number}", shares=SHARES)
        for variant in experiment.variants.all():
            variant.cta.wordings.create(locale="fr", text=f"Essayer {number} {variant.key}")
    bump_revision()


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    main(int(sys.argv[1]), is_crowded="crowded" in sys.argv)
