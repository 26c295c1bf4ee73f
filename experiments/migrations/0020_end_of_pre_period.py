"""Visitors with a past wait to be counted again: it ends 10 minutes earlier.

The stored covariate does not say when the past was, but the events do. What was not counted as
past before cannot become past, so all others stay as they are.
"""

from django.db import migrations

# Visitors a batch: a fold takes in whole batches.
BATCH = 2_000


def queue_visitors_with_a_past(apps, _):
    outcomes = apps.get_model("experiments", "VisitorOutcome").objects
    experiments = apps.get_model("experiments", "Experiment").objects
    for pk, site_id in experiments.values_list("pk", "slot__site"):
        rows = outcomes.filter(experiment=pk, is_settled=False).exclude(covariate=0)
        # By name, as the index is: each query goes on where the last one ended.
        names = rows.order_by("visitor").values_list("visitor", flat=True)
        chunk = list(names[:BATCH])
        while chunk:
            _queue(apps, pk, site_id, chunk)
            chunk = list(names.filter(visitor__gt=chunk[-1])[:BATCH])


def _queue(apps, experiment_id, site_id, visitors):
    batches = apps.get_model("experiments", "PendingBatch").objects
    waiting = list(batches.values_list("pk", flat=True))
    exposures = apps.get_model("experiments", "Event").objects.filter(
        site=site_id, visitor__in=visitors, experiment=experiment_id, type="exposure"
    )
    first = exposures.order_by("received_at").values_list("received_at", flat=True).first()
    if first is None:
        return
    # By this time a fold tells which experiments may still change.
    batch = batches.create(n_events=0, stored_at=first)
    n_events = exposures.exclude(batch__in=waiting).update(batch=batch.pk)
    batches.filter(pk=batch.pk).update(n_events=n_events)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0019_currencies_of_values")]

    operations = [migrations.RunPython(queue_visitors_with_a_past, migrations.RunPython.noop)]
