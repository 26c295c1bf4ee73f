import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.strategies.no_text import NoText
from tests.ml.factories import (
    groups_of,
    learnable_rows,
)

NEW = ["free unseen1 unseen2", "plain unseen1 unseen2", "submit unseen1 unseen2"]


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows()))


def test_no_text_scores_everything_alike(arms):
    fitted = NoText().fit(arms)
    assert fitted.score(NEW).tolist() == [0, 0, 0]
    assert fitted.represent(NEW) is None
