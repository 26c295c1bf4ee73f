import numpy as np
import pytest
from scipy.sparse import csr_array

from ml.dataset.contrast_groups import stack_arms
from ml.dataset.splits import connect_groups
from ml.language.locales import primary_tag
from ml.scoring.applicability import Domain, likeness, measure_domain
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import HashEncoder, arm_row, groups_of, learnable_rows


def measured(groups, strategy):
    arms = stack_arms(groups)
    rows = strategy.fit(arms).represent(arms.texts)
    return measure_domain(groups, connect_groups(groups), rows, rng=np.random.default_rng(1))


@pytest.mark.parametrize("strategy", [TfidfRidge(), FrozenHead(encoder=HashEncoder())])
def test_distance_is_to_the_nearest_wording_of_another_component(strategy):
    groups = groups_of(*learnable_rows(20))
    arms, components = stack_arms(groups), connect_groups(groups)
    rows = strategy.fit(arms).represent(arms.texts)
    dense = rows.toarray() if isinstance(rows, csr_array) else rows
    nearest = []
    for at, group in enumerate(arms.group):
        others = components[arms.group] != components[group]
        nearest.append(1 - (dense[others] @ dense[at]).max())
    found = measured(groups, strategy)
    assert found.max_distance == pytest.approx(np.quantile(nearest, 0.99), abs=1e-6)


def test_unseen_words_are_counted_against_the_rest_of_the_history():
    # "alpha" and "beta" occur in both components, "own*" only in one.
    groups = groups_of(
        arm_row("1", "alpha beta own1"),
        arm_row("1", "alpha own1"),
        arm_row("2", "alpha beta own2"),
        arm_row("2", "beta own2"),
    )
    found = measured(groups, FrozenHead(encoder=HashEncoder()))
    assert found.max_unseen_share == pytest.approx(np.quantile([1 / 3, 1 / 2, 1 / 3, 1 / 2], 0.99))
    assert found.words == {"alpha", "beta", "own1", "own2"}


def test_languages_and_audiences_are_counted_by_group():
    rows = [
        arm_row(test, text, locale=locale, audience=audience)
        for test, locale, audience in [("1", "fr-CA", "new"), ("2", "fr", ""), ("3", "", "new")]
        for text in (f"a {test}x", f"b {test}y")
    ]
    found = measured(groups_of(*rows), TfidfRidge())
    assert found.locale_groups == {"fr": 2, "": 1}
    assert found.audience_groups == {"new": 2, "": 1}


def domain(**changes):
    values = {
        "words": frozenset({"buy", "now", "acheter"}),
        "max_unseen_share": 1.0,
        "max_distance": 0.6,
        "locale_groups": {},
        "audience_groups": {},
    }
    return Domain(**(values | changes))


@pytest.mark.parametrize(
    ("text", "distance", "limits", "expected"),
    [
        ("Buy now", 0.1, {}, None),
        ("Buy cheap", 0.1, {"max_unseen_share": 0.4}, "unseen_words"),
        ("Ещё новости", 0.1, {}, "unseen_letters"),
        ("Buy новости", 0.1, {}, "unseen_letters"),
        ("buy ok", 0.1, {}, None),
        ("Buy now", 0.7, {}, "far_from_training"),
        ("Buy now", 1.0, {"max_distance": 1.0}, "far_from_training"),
    ],
)
def test_what_lies_outside_is_named(text, distance, limits, expected):
    assert domain(**limits).outside(text, distance) == expected


def test_likeness_is_the_same_for_dense_and_sparse_rows():
    rows = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        likeness(csr_array(rows[:2]), csr_array(rows)), likeness(rows[:2], rows), rtol=1e-5
    )


def test_primary_tag_is_the_language():
    assert [primary_tag(tag) for tag in ("fr", "fr-CA", "FR_ca", "")] == ["fr", "fr", "fr", ""]
