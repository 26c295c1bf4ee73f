"""Sums by the phase of the first exposure: a column, no longer a segment of its own.

Stored sums are split without their events. The rows of a segment `phase=N` become everybody's
rows of that phase, and those of the first phase are what is left. Sums of the other segments and
of goals are split by the stored outcomes of the visitors; where those are gone, they stay with
the first phase.
"""

from collections import defaultdict
from decimal import Decimal
from operator import add

from django.db import migrations, models
from django.db.models import Value
from django.db.models.functions import Cast, RTrim, StrIndex, Substr

# As they were at this migration, so that it does the same whatever becomes of the services.
PREFIX = "phase="
LEFT_OUT = {
    1: "bot_visitors",
    2: "internal_visitors",
    3: "quarantined_visitors",
    4: "prefetched_visitors",
    5: "impossible_visitors",
}
AMOUNTS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_product_sum",
    *LEFT_OUT.values(),
)
GOAL_AMOUNTS = ("converting_visitors", "value_sum", "value_sum_squares")


def split_by_phase(apps, _):
    experiments = apps.get_model("experiments", "Experiment")
    rollups = apps.get_model("experiments", "Rollup")
    phased = rollups.objects.filter(segment__startswith=PREFIX).order_by()
    for pk in list(phased.values_list("experiment", flat=True).distinct()):
        _split_everybody(rollups, pk)
        _move_phases_of_outcomes(apps.get_model("experiments", "VisitorOutcome"), pk)
        _split_the_rest(apps, experiments.objects.get(pk=pk))


def _split_everybody(rollups, experiment_id):
    rows = rollups.objects.filter(experiment=experiment_id)
    later = defaultdict(lambda: (0,) * len(AMOUNTS))
    phases = list(rows.filter(segment__startswith=PREFIX))
    for row in phases:
        amounts = tuple(getattr(row, name) for name in AMOUNTS)
        later[row.variant_id, row.day] = tuple(map(add, later[row.variant_id, row.day], amounts))
    for row in rows.filter(segment="", phase=0):
        _subtract(row, AMOUNTS, later[row.variant_id, row.day])
    for row in phases:
        row.phase, row.segment = int(row.segment.removeprefix(PREFIX)), ""
    rollups.objects.bulk_update(phases, ["phase", "segment"], batch_size=500)


def _move_phases_of_outcomes(outcomes, experiment_id):
    """Names of segments are sorted, and no name comes after that of the phase."""
    start = StrIndex("segments", Value(PREFIX))
    outcomes.objects.filter(experiment=experiment_id, segments__contains=PREFIX).update(
        phase=Cast(Substr("segments", start + len(PREFIX)), models.PositiveSmallIntegerField()),
        segments=RTrim(Substr("segments", 1, start - 1)),
    )


def _split_the_rest(apps, experiment):
    segments = defaultdict(lambda: (0,) * len(AMOUNTS))
    goals = defaultdict(lambda: (0,) * len(GOAL_AMOUNTS))
    outcomes = apps.get_model("experiments", "VisitorOutcome").objects.filter(
        experiment=experiment.pk, phase__gt=0
    )
    for row in outcomes.iterator(chunk_size=2_000):
        amounts = _amounts(row, experiment.primary_metric)
        for segment in row.segments.split():
            key = (row.variant_id, row.day, row.phase, segment)
            segments[key] = tuple(map(add, segments[key], amounts))
        if row.exclusion:
            continue
        for goal, written in row.goals.items():
            value = Decimal(written)
            key = (row.variant_id, row.day, row.phase, goal)
            goals[key] = tuple(map(add, goals[key], (1, value, value * value)))
    _move(apps.get_model("experiments", "Rollup"), experiment, "segment", AMOUNTS, segments)
    _move(apps.get_model("experiments", "GoalRollup"), experiment, "goal", GOAL_AMOUNTS, goals)


def _amounts(row, metric):
    counted = 0 if row.exclusion else 1
    value, covariate = counted * row.value, counted * row.covariate
    outcome = {"click_rate": int(row.has_clicked), "conversion_rate": int(row.has_converted)}
    return (
        counted,
        counted * row.has_clicked,
        counted * row.has_converted,
        value,
        value * value,
        covariate,
        covariate * covariate,
        covariate * outcome.get(metric, value),
        *(int(row.exclusion == reason) for reason in LEFT_OUT),
    )


def _move(model, experiment, part, names, moved):
    """Take the amounts out of the rows of the first phase and store them under their own."""
    first = {
        (row.variant_id, row.day, getattr(row, part)): row
        for row in model.objects.filter(experiment=experiment.pk, phase=0)
    }
    later = defaultdict(lambda: (0,) * len(names))
    rows = []
    for (variant_id, day, phase, value), amounts in moved.items():
        key = (variant_id, day, value)
        later[key] = tuple(map(add, later[key], amounts))
        if any(amounts):
            row = model(experiment_id=experiment.pk, variant_id=variant_id, day=day, phase=phase)
            _set(row, {part: value} | dict(zip(names, amounts, strict=True)))
            rows.append(row)
    for key, amounts in later.items():
        if any(amounts):
            _subtract(first[key], names, amounts)
    model.objects.bulk_create(rows, batch_size=500)


def _subtract(row, names, amounts):
    left = {name: getattr(row, name) - amount for name, amount in zip(names, amounts, strict=True)}
    if any(left.values()):
        _set(row, left)
        row.save(update_fields=names)
    else:
        row.delete()


def _set(row, values):
    for name, value in values.items():
        setattr(row, name, value)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0014_time_zone")]

    operations = [
        migrations.AlterModelOptions(
            name="goalrollup",
            options={
                "ordering": ("experiment", "goal", "day", "phase", "variant"),
                "verbose_name": "rollup of a goal",
                "verbose_name_plural": "rollups of goals",
            },
        ),
        migrations.AlterModelOptions(
            name="rollup",
            options={
                "ordering": ("experiment", "segment", "day", "phase", "variant"),
                "verbose_name": "rollup",
                "verbose_name_plural": "rollups",
            },
        ),
        migrations.RemoveConstraint(
            model_name="goalrollup", name="goal_rollup_one_a_day_arm_and_goal"
        ),
        migrations.RemoveConstraint(model_name="rollup", name="rollup_one_a_day_arm_and_segment"),
        migrations.AddField(
            model_name="goalrollup",
            name="phase",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="phase"),
        ),
        migrations.AddField(
            model_name="rollup",
            name="phase",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Number of the phase of the shares.",
                verbose_name="phase",
            ),
        ),
        migrations.AddField(
            model_name="visitoroutcome",
            name="phase",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Number of the phase of the first exposure.",
            ),
        ),
        migrations.AddConstraint(
            model_name="goalrollup",
            constraint=models.UniqueConstraint(
                fields=("experiment", "goal", "variant", "day", "phase"),
                name="goal_rollup_one_a_day_phase_arm_and_goal",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollup",
            constraint=models.UniqueConstraint(
                fields=("experiment", "segment", "variant", "day", "phase"),
                name="rollup_one_a_day_phase_arm_and_segment",
            ),
        ),
        # Last: rows that wait for a check of their foreign keys would forbid a change of tables.
        migrations.RunPython(split_by_phase, migrations.RunPython.noop),
    ]
