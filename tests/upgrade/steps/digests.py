"""Upgrade an installation, replace its visitors by digests, and print what it says as JSON.

`python tests/upgrade/steps/digests.py OUT`, with DATABASE_URL and CTAOPT_DATA_DIR set.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from frozen import NOW, begin
from readout import command, reports

# Erasures of the earlier version are forgotten by then.
LATER = NOW + timedelta(days=40)


def main(out):
    begin()
    from django.conf import settings

    settings.CTAOPT_EVENTS_URL = ""
    command("migrate", verbosity=0)
    command("fold_rollups")
    # Some of the stored sums were made without events.
    recount()
    found = {"before": reports(), "refusal": refusal(), "ids before": n_ids()}
    replace_ids()
    found |= {"after": reports(), "ids after": n_ids()}
    recount()
    found["recounted"] = reports()
    out.write_text(json.dumps(found, sort_keys=True))


def refusal():
    """Why visitors cannot be replaced yet."""
    from django.core.management.base import CommandError

    try:
        command("digest_visitors")
    except CommandError as error:
        return str(error)
    return ""


def replace_ids():
    from experiments.models import Site
    from experiments.services.installation.visitor_takeover import take_over_visitors

    for site in Site.objects.all():
        take_over_visitors(site=site, now=LATER)


def n_ids():
    """How many visitors are stored as they were sent, in events and in experiments."""
    from experiments.event_schema.digests import is_visitor_digest
    from experiments.models import Event, VisitorOutcome

    tables = (Event, VisitorOutcome)
    names = [set(table.objects.values_list("visitor", flat=True)) for table in tables]
    return [sum(not is_visitor_digest(name) for name in found) for found in names]


def recount():
    from experiments.models import Experiment
    from experiments.services.rollups.folding import can_be_counted_again, rebuild_rollups

    for experiment in Experiment.objects.filter(started_at__isnull=False):
        if can_be_counted_again(experiment):
            rebuild_rollups(experiment=experiment)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
