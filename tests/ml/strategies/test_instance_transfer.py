import numpy as np
import pytest

from ml.strategies.instance_transfer import WithSource, join_arms
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import arms_of

TARGET = arms_of([0, 0], [1000, 1000], [60, 40], ["plain a", "plain b"])
SOURCE = arms_of(
    [0, 0, 1, 1], [900] * 4, [90, 30] * 2, ["free c", "submit c", "free d", "submit d"]
)


def test_source_groups_are_numbered_after_the_targets():
    joined = join_arms(TARGET, SOURCE, trust=np.full(4, 0.5))
    assert joined.group.tolist() == [0, 0, 1, 1, 2, 2]
    assert joined.trust.tolist() == [1, 1, 0.5, 0.5, 0.5, 0.5]
    assert joined.texts == TARGET.texts + SOURCE.texts


def test_trust_that_the_target_has_is_kept():
    first = join_arms(TARGET, SOURCE, trust=np.full(4, 0.5))
    assert (
        join_arms(first, SOURCE, trust=np.zeros(4)).trust.tolist() == [1, 1] + [0.5] * 4 + [0] * 4
    )


def test_source_teaches_as_far_as_it_is_trusted():
    gaps = []
    for trust in (0.01, 1.0):
        strategy = WithSource(inner=TfidfRidge(), source=SOURCE, trust=np.full(4, trust))
        good, bad = strategy.fit(TARGET).score(["free", "submit"])
        gaps.append(good - bad)
    assert 0 < gaps[0] < gaps[1]


def test_stored_strategy_needs_no_source():
    fitted = WithSource(inner=TfidfRidge(), source=SOURCE, trust=np.ones(4)).fit(TARGET)
    empty = WithSource(inner=TfidfRidge(), source=arms_of([], [], []), trust=np.ones(0))
    assert empty.restore(fitted.parts()).score(["free"]) == pytest.approx(fitted.score(["free"]))
