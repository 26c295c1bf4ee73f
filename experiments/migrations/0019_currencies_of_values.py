"""Conversions by their currency; those that are stored already wait to be counted again.

A stored outcome does not say in which currency its values are, but the events do. The next fold
counts their visitors again, as it counts every visitor whose events wait.
"""

from collections import defaultdict

import django.db.models.deletion
from django.db import migrations, models

VALUE = "value_per_visitor"
# Conversions a batch: a fold takes in whole batches.
BATCH = 10_000


def queue_values(apps, _):
    goals = defaultdict(set)
    experiments = apps.get_model("experiments", "Experiment").objects.filter(primary_metric=VALUE)
    rails = apps.get_model("experiments", "Guardrail").objects.filter(metric=VALUE)
    secondary = apps.get_model("experiments", "SecondaryMetric").objects.filter(metric=VALUE)
    for site_id, goal in (
        *experiments.values_list("slot__site", "goal"),
        *rails.values_list("experiment__slot__site", "goal"),
        *secondary.values_list("experiment__slot__site", "goal"),
    ):
        goals[site_id].add(goal)
    for site_id, names in goals.items():
        _queue(apps, site_id, names)


def _queue(apps, site_id, goals):
    events = apps.get_model("experiments", "Event").objects.filter(
        site=site_id, type="conversion", goal__in=goals, value__isnull=False
    )
    batches = apps.get_model("experiments", "PendingBatch").objects
    # What waits will be counted anyway. Read before a batch of these is made.
    counted = events.exclude(batch__in=list(batches.values_list("pk", flat=True)))
    rows = counted.order_by("event_id").values_list("event_id", "received_at")
    chunk = list(rows[:BATCH])
    while chunk:
        first, last = chunk[0][0], chunk[-1][0]
        # By this time a fold tells which experiments may still change.
        batch = batches.create(n_events=len(chunk), stored_at=min(at for _, at in chunk))
        counted.filter(event_id__range=(first, last)).update(batch=batch.pk)
        chunk = list(rows.filter(event_id__gt=last)[:BATCH])


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0018_interactions"),
    ]

    operations = [
        migrations.AddField(
            model_name="visitoroutcome",
            name="currencies",
            field=models.JSONField(
                default=dict,
                help_text="Conversions with a value, by currency and goal: {“EUR order”: 2}. Only goals whose values are a metric; the currency may be empty.",
            ),
        ),
        migrations.CreateModel(
            name="CurrencyRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("phase", models.PositiveSmallIntegerField(default=0, verbose_name="phase")),
                ("goal", models.CharField(max_length=100, verbose_name="goal")),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                ("conversions", models.BigIntegerField(default=0, verbose_name="conversions")),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="currency_rollups",
                        to="experiments.experiment",
                    ),
                ),
                (
                    "variant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.variant",
                    ),
                ),
            ],
            options={
                "verbose_name": "rollup of a currency",
                "verbose_name_plural": "rollups of currencies",
                "ordering": ("experiment", "goal", "currency", "day", "phase", "variant"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("experiment", "goal", "currency", "variant", "day", "phase"),
                        name="currency_rollup_one_a_day_phase_arm_goal_and_currency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("conversions__gte", 0), models.Q(("goal", ""), _negated=True)
                        ),
                        name="currency_rollup_counts_possible",
                    ),
                ],
            },
        ),
        migrations.RunPython(queue_values, migrations.RunPython.noop),
    ]
