"""What a training of the old code had finished is read where its key fits, and else discarded."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.checkpoints import KEPT_FOR, Checkpoints, forget_old
from tests.upgrade import old_installation as old


@pytest.fixture
def unfinished(tmp_path):
    return old.unpack_folders(tmp_path / "data") / "models" / "unfinished"


@pytest.fixture
def key(unfinished):
    (folder,) = unfinished.iterdir()
    return folder.name


def test_scores_of_the_same_training_are_taken_over(unfinished, key):
    (step,) = (unfinished / key).iterdir()

    def make():
        raise AssertionError("made anew")

    scores = Checkpoints(unfinished, key=key).keep(step.stem, make)
    assert scores.shape == (27,)
    assert np.isfinite(scores).all()


def test_training_of_other_code_takes_nothing_up(unfinished, key):
    (step,) = (unfinished / key).iterdir()
    mine = Checkpoints(unfinished, key="of-the-new-code")
    assert mine.keep(step.stem, lambda: np.array([7.0])).tolist() == [7.0]
    mine.clear()
    assert [path.name for path in unfinished.iterdir()] == [key]


def test_what_nobody_takes_up_is_discarded(unfinished, key):
    written = datetime.fromtimestamp((unfinished / key).stat().st_mtime, UTC)
    assert forget_old(unfinished, now=written + KEPT_FOR - timedelta(minutes=1)) == 0
    assert forget_old(unfinished, now=written + KEPT_FOR + timedelta(minutes=1)) == 1
    assert list(unfinished.iterdir()) == []
