from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from experiments.models import Rollup
from experiments.selectors import reports
from experiments.services.rollups.arm_totals import Outcomes
from experiments.services.rollups.segment_outcomes import (
    SegmentCell,
    outcomes_by_segment,
    stored_outcomes,
)
from tests.factories import NOW, make_rollup

pytestmark = pytest.mark.on_both_databases

SEGMENTS = ("", "device=mobile", "device=desktop", "country=FR", "new_visitor=true")


def make_rows(experiment, rng, *, has_values):
    """Rollups of ten days, two phases and each segment, with whatever sums."""
    rows = []
    for variant in experiment.variants.all():
        for segment in SEGMENTS:
            for day, phase in np.ndindex(10, 2):
                counts = rng.integers(1, 10**9, len(reports.SEGMENT_COUNTS)).tolist()
                cents = rng.integers(0, 10**15, len(reports.SEGMENT_VALUES)).tolist()
                values = [Decimal(cent) / 100 if has_values and day % 3 else 0 for cent in cents]
                sums = dict(zip(reports.SEGMENT_COUNTS, counts, strict=True))
                # No visitor clicks or converts twice.
                sums["clicking_visitors"] = sums["converting_visitors"] = sums["visitors"] // 2
                rows.append(
                    Rollup(
                        experiment=experiment,
                        variant=variant,
                        day=NOW.date() - timedelta(days=day),
                        phase=phase,
                        segment=segment,
                        **sums,
                        **dict(zip(reports.SEGMENT_VALUES, values, strict=True)),
                    )
                )
    Rollup.objects.bulk_create(rows)
    return [row for row in rows if row.segment]


@pytest.mark.parametrize("has_values", [True, False])
def test_database_adds_the_same_as_a_sum_of_the_rows(running_experiment, has_values):
    rows = make_rows(running_experiment, np.random.default_rng(20261129), has_values=has_values)
    stored = stored_outcomes(running_experiment)
    assert stored == outcomes_by_segment(rows)
    assert len(stored) == 2 * 2 * (len(SEGMENTS) - 1)
    assert any(one.value_sum for one in stored.values()) == has_values


def test_sums_of_values_stay_exact(running_experiment):
    arm = running_experiment.variants.get(arm=0)
    for days in (1, 2, 3):
        day = NOW.date() - timedelta(days=days)
        value = Decimal("12345678901234567.01")
        make_rollup(arm, visitors=1, segment="country=FR", day=day, value_sum=value)
    (found,) = stored_outcomes(running_experiment).values()
    assert found.value_sum == Decimal("37037036703703701.03")


def test_everybody_is_no_segment(running_experiment):
    arm = running_experiment.variants.get(arm=0)
    make_rollup(arm, visitors=10)
    make_rollup(arm, visitors=4, clicks=1, segment="device=mobile")
    cell = SegmentCell(segment="device=mobile", phase=0, variant=arm.pk)
    assert stored_outcomes(running_experiment) == {cell: Outcomes(visitors=4, clicking_visitors=1)}


def test_days_without_a_value_are_not_read(running_experiment, django_assert_num_queries):
    arm = running_experiment.variants.get(arm=0)
    make_rollup(arm, visitors=4, segment="device=mobile")
    with django_assert_num_queries(2):
        stored_outcomes(running_experiment)
    assert not reports.segment_values_of(running_experiment).exists()
