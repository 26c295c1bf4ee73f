from datetime import timedelta

import pytest
from django.utils import translation

from experiments.formatting import Count
from experiments.models import Experiment
from experiments.services.reporting.verdict import sentence_of
from experiments.stats.decision.grounds import Code
from tests import factories
from tests.experiments.services.counted_experiments import count, counted, reported, verdict_of
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def fixed(slot):
    """A fixed-horizon experiment over 20,000 visitors, running for ten days."""
    plan = {"plan": Experiment.Plan.FIXED, "planned_visitors": 20_000}
    return factories.make_running_experiment(slot, started_at=NOW - timedelta(days=10), **plan)


def test_verdict_is_withheld_under_a_mismatch(site):
    verdict = verdict_of(reported(factories.make_library_experiment(site)))
    assert verdict.status == "invalid"
    assert "Sample-ratio mismatch" in verdict.sentences[0]


def test_verdict_names_the_winner_its_lift_and_its_uncertainty(fixed):
    verdict = verdict_of(counted(fixed, (10_000, 500), (10_000, 600)))
    assert verdict.title == "Ship “hero-test b”."
    assert "+20.0%" in verdict.sentences[0]
    assert "p = 0.0019" in verdict.sentences[0]


def test_verdict_waits_for_the_planned_end_of_a_fixed_horizon(fixed):
    verdict = verdict_of(counted(fixed, (5_000, 250), (5_000, 330)))
    assert verdict.status == "keep_running"


def test_verdict_without_a_difference_does_not_claim_equality(fixed):
    verdict = verdict_of(counted(fixed, (10_000, 500), (10_000, 505)))
    assert verdict.status == "keep_control"
    assert "not proof" in verdict.sentences[-1]


@pytest.fixture
def sequential(slot):
    """A sequential experiment planned for 20,000 visitors, running for ten days."""
    return factories.make_running_experiment(
        slot, started_at=NOW - timedelta(days=10), planned_visitors=20_000
    )


def test_verdict_of_a_sequential_plan_may_come_before_its_end(sequential):
    verdict = verdict_of(counted(sequential, (6_000, 300), (6_000, 450)))
    assert verdict.status == "ship"
    assert "valid however often one looks" in verdict.sentences[0]


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "(weak prior) rather than +50.0%."), ("fr", "(loi a priori faible) plutôt")],
)
def test_caution_labels_the_prior_behind_the_lift_to_expect(sequential, language, label):
    report = counted(sequential, (6_000, 300), (6_000, 450))
    with translation.override(language):
        cautions = verdict_of(report).cautions
    assert any(label in caution for caution in cautions)


def test_caution_of_a_fixed_plan_is_corrected_for_having_won(fixed):
    verdict = verdict_of(counted(fixed, (10_000, 500), (10_000, 600)))
    assert any("(corrected for having won)" in caution for caution in verdict.cautions)


def test_verdict_of_a_sequential_plan_asks_more_than_a_single_look(sequential):
    report = counted(sequential, (2_000, 100), (2_000, 130))
    assert report.comparisons[0].fixed.p_value_adjusted < 0.05
    assert verdict_of(report).status == "keep_running"


def test_verdict_of_a_few_days_waits_for_a_week(sequential):
    sequential.started_at = NOW - timedelta(days=2)
    sequential.save()
    verdict = verdict_of(counted(sequential, (6_000, 300), (6_000, 450)))
    assert verdict.status == "keep_running"
    assert "weekdays differ" in verdict.sentences[0]


def test_verdict_is_none_before_there_are_two_arms(slot):
    experiment = factories.make_running_experiment(slot, shares={"control": "1"})
    assert verdict_of(reported(experiment)) is None


def test_verdict_speaks_french(fixed):
    report = counted(fixed, (10_000, 500), (10_000, 600))
    with translation.override("fr"):
        verdict = verdict_of(report)
    assert verdict.title == "Déployez «\u00a0hero-test b\u00a0»."
    assert "+20,0\u00a0%" in verdict.sentences[0]
    assert (
        "p ajustée = 0,0019, seuil 0,05\u00a0; valable pour cette seule lecture"
        in (verdict.sentences[0])
    )


@pytest.mark.parametrize(
    ("visitors", "language", "text"),
    [
        (1, "en", "has 1 visitor; a verdict needs 100."),
        (1, "fr", "1\N{NO-BREAK SPACE}; un verdict en demande 100."),
        (2, "en", "has 2 visitors; a verdict needs 100."),
        (0, "en", "has 0 visitors; a verdict needs 100."),
    ],
)
def test_verdict_counts_in_the_plural_of_the_language(sequential, visitors, language, text):
    for variant, share in zip(sequential.variants.order_by("arm"), ("0.99", "0.01"), strict=True):
        variant.share = share
        variant.save()
    report = counted(sequential, (150, 30), (visitors, 0))
    with translation.override(language):
        assert any(text in sentence for sentence in verdict_of(report).sentences)


@pytest.mark.parametrize(
    ("metric", "language", "text"),
    [
        ("click_rate", "en", "has 13 clicks; a verdict needs 20."),
        ("click_rate", "fr", "13 clics\N{NO-BREAK SPACE}; il en faut 20"),
        ("value_per_click", "en", "has 13 clicks; a verdict needs 20."),
        ("conversion_rate", "en", "has 11 conversions; a verdict needs 20."),
        ("conversions_per_visitor", "fr", "11 conversions\N{NO-BREAK SPACE}; il en"),
    ],
)
def test_verdict_names_what_it_needs_more_of(sequential, metric, language, text):
    sequential.primary_metric, sequential.goal = metric, "order"
    sequential.save()
    for variant, clicks, conversions in zip(
        sequential.variants.order_by("arm"), (22, 13), (21, 11), strict=True
    ):
        factories.make_rollup(
            variant, visitors=400, clicks=clicks, converting_visitors=conversions,
            click_sum=clicks, click_sum_squares=clicks, conversion_sum=conversions,
            conversion_sum_squares=conversions, value_sum=10 * conversions,
            value_sum_squares=100 * conversions, value_click_product_sum=10 * conversions,
        )  # fmt: skip
    with translation.override(language):
        sentences = verdict_of(reported(sequential)).sentences
    assert text in sentences[0]


@pytest.mark.parametrize(
    ("counts", "language", "text"),
    [
        (
            ((400, 15), (400, 13)),
            "en",
            "2 wordings have too few clicks (the fewest, 13, “hero-test b”); a verdict needs 20 of"
            " each.",
        ),
        (
            ((50, 15), (60, 13)),
            "en",
            "2 wordings have too few visitors (the fewest, 50, “hero-test control”); a verdict"
            " needs 100 of each.",
        ),
        (((50, 15), (60, 13)), "fr", "Trop peu de visiteurs pour 2 formulations (le moins"),
    ],
)
def test_arms_that_lack_the_same_are_one_sentence(sequential, counts, language, text):
    report = counted(sequential, *counts)
    with translation.override(language):
        (first, *others) = verdict_of(report).sentences
    assert first.startswith(text)
    assert not any("20" in sentence or "100" in sentence for sentence in others)


def test_counts_of_a_verdict_have_the_separators_of_the_language():
    values = {"n": Count(1_234)}
    assert sentence_of(Code.PLAN_NOT_FINISHED, values).startswith("1,234 visitors so far")
    with translation.override("fr"):
        assert "1\N{NO-BREAK SPACE}234" in sentence_of(Code.PLAN_NOT_FINISHED, values)


def test_silence_stays_before_what_arms_lack(sequential):
    count(sequential, (400, 15), (400, 13), day=NOW.date() - timedelta(days=3))
    first, second, *_ = verdict_of(reported(sequential)).sentences
    assert "is the page still up?" in first
    assert "too few clicks" in second
