from decimal import Decimal

import pytest

from experiments.models import Exclusion, Rollup, Variant
from experiments.services.rollups.arm_totals import (
    ArmTotals,
    left_out_of,
    totals_by_phase,
    totals_of,
)


def test_totals_add_the_rows_of_an_arm_exactly():
    rows = [
        Rollup(visitors=3, clicking_visitors=1, value_sum=Decimal("0.1"), bot_visitors=2),
        Rollup(visitors=4, clicking_visitors=2, value_sum=Decimal("0.2"), bot_visitors=1),
    ]
    total = totals_of(rows)
    assert (total.visitors, total.clicking_visitors, total.bot_visitors) == (7, 3, 3)
    assert total.value_sum == Decimal("0.3")


def test_totals_of_no_rows_are_zero():
    assert totals_of([]) == ArmTotals()


def test_left_out_visitors_are_named_by_reason_with_their_share_of_everybody():
    totals = [ArmTotals(visitors=90, bot_visitors=6), ArmTotals(visitors=100, internal_visitors=4)]
    found = {row.reason: (row.visitors, row.share) for row in left_out_of(totals)}
    assert found == {
        Exclusion.BOT: (6, pytest.approx(0.03)),
        Exclusion.INTERNAL: (4, pytest.approx(0.02)),
    }


def test_kishs_number_of_equal_pasts_is_their_count():
    # Five visitors with a covariate of 2: (5 * 2)^2 / (5 * 2^2).
    total = ArmTotals(covariate_sum=Decimal(10), covariate_sum_squares=Decimal(20))
    assert total.with_history == pytest.approx(5)
    assert ArmTotals().with_history == 0


def test_totals_by_phase_are_in_order_of_phases_and_arms():
    rows = [
        Rollup(variant_id=8, phase=2, visitors=3),
        Rollup(variant_id=7, phase=0, visitors=10),
        Rollup(variant_id=7, phase=2, visitors=4, clicking_visitors=1),
        Rollup(variant_id=7, phase=2, visitors=5, clicking_visitors=2),
    ]
    found = totals_by_phase(rows, [Variant(pk=7), Variant(pk=8)])
    assert list(found.items()) == [
        (0, (ArmTotals(visitors=10), ArmTotals())),
        (2, (ArmTotals(visitors=9, clicking_visitors=3), ArmTotals(visitors=3))),
    ]
