from dataclasses import replace

import pytest

from ml.dataset.contrast_groups import build_groups
from ml.encoders.cache import CachedEncoder
from ml.evaluation.predictor_evaluation import NoGroupsError, judge
from ml.scoring.scorer import load_scorer
from tests.ml.factories import StrangeEncoder, arm_row, learnable_rows, train_in


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    folder, encoder = tmp_path_factory.mktemp("models") / "p1", StrangeEncoder()
    assert train_in(folder, learnable_rows(locale="en"), encoder=encoder).served == "tfidf"
    return load_scorer(folder, make_encoder=lambda: CachedEncoder(encoder, None))


def new_tests(n_tests=40, *, name="new", **changes):
    """Tests that share good and bad words with the training history, and nothing else."""
    return [
        replace(row, test=f"{name} {row.test}", text=row.text.replace("thing", "other"), **changes)
        for row in learnable_rows(n_tests, seed=9)
    ]


def test_new_tests_are_judged(scorer):
    found = judge(scorer, build_groups(new_tests(locale="en")), seed=1)
    assert (found.groups, found.groups_answered, found.groups_known) == (40, 40, 0)
    assert 100 < found.pairs <= 40 * 3
    assert found.metrics.accuracy_all.value > 0.8
    assert found.coverage.value == pytest.approx(1)
    assert found.ceiling.low <= found.ceiling.value <= found.ceiling.high


def test_tests_of_the_training_history_are_counted_as_known(scorer):
    rows = [*learnable_rows(10, locale="en"), *new_tests(5, locale="en")]
    assert judge(scorer, build_groups(rows), seed=1).groups_known == 10


def test_refused_groups_lower_the_coverage(scorer):
    rows = [
        *new_tests(30, locale="en"),
        *(replace(r, test=f"fr {r.test}") for r in new_tests(10, locale="fr")),
    ]
    found = judge(scorer, build_groups(rows), seed=1)
    assert (found.groups, found.groups_answered) == (40, 30)
    assert found.coverage.value == pytest.approx(0.75)
    assert found.coverage.low < 0.75 < found.coverage.high
    assert found.pairs_answered == pytest.approx(0.75 * found.pairs, abs=3)


def test_all_answered_and_refused_tests_have_figures_of_their_own(scorer):
    inverted = [replace(row, clicks=row.visitors - row.clicks) for row in new_tests(10)]
    rows = [
        *new_tests(30, locale="en"),
        *(replace(row, test=f"fr {row.test}", locale="fr") for row in inverted),
    ]
    found = judge(scorer, build_groups(rows), seed=1)
    answered, refused = found.metrics_answered, found.metrics_refused
    assert answered.accuracy_all.value > 0.8
    assert refused.accuracy_all.value < 0.2
    n_refused = found.pairs - found.pairs_answered
    hits = answered.accuracy_all.value * found.pairs_answered
    hits += refused.accuracy_all.value * n_refused
    assert found.metrics.accuracy_all.value == pytest.approx(hits / found.pairs)


def test_without_a_refusal_no_figure_is_made_up_for_the_refused(scorer):
    found = judge(scorer, build_groups(new_tests(locale="en")), seed=1)
    assert found.metrics_refused is None
    assert found.metrics_answered.accuracy_all.value == found.metrics.accuracy_all.value


def test_group_with_one_refused_wording_is_not_answered(scorer):
    rows = [arm_row("x", "free thing1", locale="en"), arm_row("x", "<b>free</b>", locale="en")]
    found = judge(scorer, build_groups(rows), seed=1)
    assert (found.groups_answered, found.metrics_answered, found.coverage.value) == (0, None, 0)
    assert found.metrics_refused is not None


def test_suspect_groups_are_left_out(scorer):
    rows = [
        *new_tests(10, locale="en"),
        *(replace(r, test=f"s{r.test}", suspect=True) for r in new_tests(5)),
    ]
    found = judge(scorer, build_groups(rows), seed=1)
    assert (found.groups, found.suspect_groups) == (10, 5)


def test_ceiling_with_more_noise_needs_replicated_arms(scorer):
    assert judge(scorer, build_groups(new_tests(locale="en")), seed=1).ceiling_overdispersed is None
    copies = [replace(row, clicks=row.clicks + 90) for row in new_tests(locale="en")]
    found = judge(scorer, build_groups([*new_tests(locale="en"), *copies]), seed=1)
    assert found.dispersion > 1
    assert found.ceiling_overdispersed.value < found.ceiling.value


def test_nothing_to_judge_on_is_refused(scorer):
    rows = [replace(row, suspect=True) for row in new_tests(2)]
    with pytest.raises(NoGroupsError, match="no contrast group, but 2 doubtful ones"):
        judge(scorer, build_groups(rows), seed=1)
