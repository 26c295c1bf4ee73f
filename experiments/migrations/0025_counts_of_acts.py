"""Clicks and conversions of a visitor, as numbers; stored visitors wait to be counted again.

A stored outcome says that a visitor clicked or converted, not how often, but the events do. The
next fold counts every visitor whose events wait; others have nothing to count.
"""

from django.db import migrations, models
from django.db.models import Q

import experiments.models.fields

# Visitors a batch: a fold takes in whole batches.
BATCH = 2_000


def queue_visitors_who_acted(apps, _):
    outcomes = apps.get_model("experiments", "VisitorOutcome").objects
    experiments = apps.get_model("experiments", "Experiment").objects
    for pk, site_id in experiments.values_list("pk", "slot__site"):
        rows = outcomes.filter(experiment=pk, is_settled=False)
        rows = rows.filter(Q(has_clicked=True) | Q(has_converted=True) | ~Q(goals={}))
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
    dependencies = [
        ("experiments", "0024_proofs"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="goalrollup",
            name="goal_rollup_counts_possible",
        ),
        migrations.RemoveConstraint(
            model_name="rollup",
            name="rollup_counts_possible",
        ),
        migrations.AddField(
            model_name="goalrollup",
            name="conversion_sum",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="conversions"),
        ),
        migrations.AddField(
            model_name="goalrollup",
            name="conversion_sum_squares",
            field=models.BigIntegerField(
                db_default=0, default=0, verbose_name="sum of squared conversions of a visitor"
            ),
        ),
        migrations.AddField(
            model_name="goalrollup",
            name="value_click_product_sum",
            field=experiments.models.fields.ExactDecimalField(
                default=0, verbose_name="sum of value times clicks"
            ),
        ),
        migrations.AddField(
            model_name="rollup",
            name="click_sum",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="clicks"),
        ),
        migrations.AddField(
            model_name="rollup",
            name="click_sum_squares",
            field=models.BigIntegerField(
                db_default=0, default=0, verbose_name="sum of squared clicks of a visitor"
            ),
        ),
        migrations.AddField(
            model_name="rollup",
            name="conversion_sum",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="conversions"),
        ),
        migrations.AddField(
            model_name="rollup",
            name="conversion_sum_squares",
            field=models.BigIntegerField(
                db_default=0, default=0, verbose_name="sum of squared conversions of a visitor"
            ),
        ),
        migrations.AddField(
            model_name="rollup",
            name="covariate_click_product_sum",
            field=experiments.models.fields.ExactDecimalField(
                default=0, verbose_name="sum of covariate times clicks"
            ),
        ),
        migrations.AddField(
            model_name="rollup",
            name="value_click_product_sum",
            field=experiments.models.fields.ExactDecimalField(
                default=0, verbose_name="sum of value times clicks"
            ),
        ),
        migrations.AddField(
            model_name="visitoroutcome",
            name="clicks",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Clicks in the conversion window."
            ),
        ),
        migrations.AddField(
            model_name="visitoroutcome",
            name="conversions",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Conversions to the goal in the conversion window.",
            ),
        ),
        migrations.AddField(
            model_name="visitoroutcome",
            name="goal_conversions",
            field=models.JSONField(
                default=dict, help_text="The same goals, each with the number of conversions."
            ),
        ),
        migrations.AddConstraint(
            model_name="goalrollup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("converting_visitors__gte", 0),
                    ("conversion_sum__gte", 0),
                    models.Q(("goal", ""), _negated=True),
                ),
                name="goal_rollup_counts_possible",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("clicking_visitors__gte", 0),
                    ("converting_visitors__gte", 0),
                    ("quarantined_visitors__gte", 0),
                    ("bot_visitors__gte", 0),
                    ("internal_visitors__gte", 0),
                    ("prefetched_visitors__gte", 0),
                    ("impossible_visitors__gte", 0),
                    ("clicking_visitors__lte", models.F("visitors")),
                    ("converting_visitors__lte", models.F("visitors")),
                    ("click_sum__gte", 0),
                    ("conversion_sum__gte", 0),
                ),
                name="rollup_counts_possible",
            ),
        ),
        # Last: rows that wait for a check of their foreign keys would forbid a change of tables.
        migrations.RunPython(queue_visitors_who_acted, migrations.RunPython.noop),
    ]
