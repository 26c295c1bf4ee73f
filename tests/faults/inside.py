"""Run in an installation of the fault suite: make its site, or tell what it holds in the end."""

import json
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from experiments.models import Event, Experiment  # noqa: E402
from experiments.services.rollups.folding import fold_pending, rebuild_rollups  # noqa: E402
from tests import factories  # noqa: E402
from tests.experiments.services.recounting import (  # noqa: E402
    COUNTS,
    left_out_recount,
    left_out_rows_of,
    recount,
    rows_of,
)


def set_up():
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot, goal="signup", primary_metric="value_per_visitor")


def outcome():
    if settings.CTAOPT_EVENTS_URL:
        call_command("consume_events", drain=True, reclaim_after=0.0, stdout=sys.stderr)
    fold_pending()
    experiment = Experiment.objects.get()
    folded = tables(experiment)
    recounted = (recount(experiment, columns=COUNTS), left_out_recount(experiment))
    rebuild_rollups(experiment=experiment)
    rebuilt = tables(experiment)
    return {
        "ids": [str(one) for one in Event.objects.values_list("event_id", flat=True)],
        "is_folded_as_recounted": folded == recounted,
        "is_rebuilt_as_folded": rebuilt == folded,
        "visitors": sum(row[0] for row in folded[0].values()),
        "differences": repr(set(folded[0].items()) ^ set(recounted[0].items()))[:2000],
    }


def tables(experiment):
    return rows_of(experiment, columns=COUNTS), left_out_rows_of(experiment)


if __name__ == "__main__":
    if sys.argv[1] == "set-up":
        set_up()
    else:
        sys.stdout.write(json.dumps(outcome()))
