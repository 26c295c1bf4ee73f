from dataclasses import replace

import numpy as np
import pytest

from ml.dataset.contrast_groups import build_groups
from ml.dataset.training_dataset import training_dataset
from ml.training.transfer_source import prepare_source
from tests.ml.factories import (
    HashEncoder,
    KnowingEncoder,
    learnable_rows,
    train_in,
)


def site(prefix, n_tests, *, seed, **changes):
    """Tests of one site: no test or wording is another site's."""
    return [
        replace(row, test=f"{prefix} {row.test}", text=f"{row.text} {prefix}{row.test}")
        for row in learnable_rows(n_tests, seed=seed, **changes)
    ]


def prepared(rows, target):
    return prepare_source(
        rows, training_dataset(build_groups(target)), HashEncoder(), rng=np.random.default_rng(1)
    )


def test_likeness_and_worth_of_a_source_are_measured():
    record = prepared(site("b", 40, seed=2), site("a", 40, seed=1)).record
    assert (record["groups"], record["arms"]) == (40, 120)
    assert 1 <= record["effective_arms"] <= 120
    assert 0 <= record["proxy_a_distance"] <= 2


def test_source_tests_that_touch_the_target_are_left_out():
    target = site("a", 30, seed=1)
    source = prepared([*site("b", 30, seed=2), *target[:6]], target)
    assert source.record["connected_groups_left_out"] == 2
    assert not set(source.arms.texts) & {row.text for row in target}


def test_doubtful_source_tests_are_left_out():
    rows = [replace(row, suspect=True) for row in site("b", 30, seed=2)]
    assert prepared(rows, site("a", 30, seed=1)) is None


def test_no_source_is_none():
    assert prepared([], site("a", 30, seed=1)) is None


@pytest.fixture(scope="module")
def target():
    # No word occurs twice, and 30 tests do not teach much of what an encoder knows.
    return site("a", 30, seed=1, gain=0.12, visitors=1500, own_words=True)


def trained(folder, target, source):
    result = train_in(folder, target, encoder=KnowingEncoder(48), source=source)
    verdicts = {each["name"]: each for each in result.manifest["gate"]["verdicts"]}
    return result, verdicts["with_source"]


def test_source_that_helps_is_promoted_and_served(tmp_path, target):
    result, verdict = trained(tmp_path / "p1", target, site("b", 300, seed=2, own_words=True))
    assert result.served == "with_source"
    assert verdict["negative_transfer"] == "none"
    assert result.manifest["source"]["groups"] == 300
    assert "## Source" in (tmp_path / "p1" / "MODEL_CARD.md").read_text()


def test_inverted_source_is_refused_and_negative_transfer_is_named(tmp_path, target):
    inverted = [
        replace(row, clicks=600 - row.clicks) for row in site("b", 300, seed=2, own_words=True)
    ]
    result, verdict = trained(tmp_path / "p1", target, inverted)
    assert result.served != "with_source"
    assert not verdict["passed"]
    assert verdict["negative_transfer"] == "detected"
