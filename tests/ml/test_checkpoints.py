import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.checkpoints import KEPT_FOR, Checkpoints, forget_old
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import HashEncoder, learnable_rows, train_in

NOW = datetime(2026, 11, 25, tzinfo=UTC)


class KilledError(Exception):
    """Stands for whatever ends a training in its middle."""


@pytest.fixture
def count_fits(monkeypatch):
    """How often the TF-IDF strategy has been fitted."""
    fits, fit = [], TfidfRidge.fit
    monkeypatch.setattr(TfidfRidge, "fit", lambda *args, **kw: fits.append(1) or fit(*args, **kw))
    return lambda: len(fits)


def kill_at(fraction):
    def progress(done, stage):
        if stage == "cross_validation" and done > fraction:
            raise KilledError

    return progress


def test_broken_off_training_goes_on_from_its_finished_folds(tmp_path, count_fits):
    unfinished, rows = tmp_path / "unfinished", learnable_rows()
    whole = train_in(tmp_path / "whole", rows, encoder=HashEncoder())
    n_whole = count_fits()
    with pytest.raises(KilledError):
        train_in(
            tmp_path / "p1",
            rows,
            encoder=HashEncoder(),
            unfinished=unfinished,
            progress=kill_at(0.6),
        )
    n_killed = count_fits() - n_whole
    again = train_in(tmp_path / "p1", rows, encoder=HashEncoder(), unfinished=unfinished)
    n_again = count_fits() - n_whole - n_killed
    assert 0 < n_killed < n_whole
    assert n_killed + n_again == n_whole
    assert again.manifest["metrics"] == whole.manifest["metrics"]
    assert list(unfinished.iterdir()) == []


def test_other_seed_takes_up_nothing(tmp_path, count_fits):
    unfinished, rows = tmp_path / "unfinished", learnable_rows()
    with pytest.raises(KilledError):
        train_in(
            tmp_path / "p1", rows, encoder=HashEncoder(), unfinished=unfinished, progress=kill_at(0)
        )
    before = count_fits()
    train_in(tmp_path / "p1", rows, encoder=HashEncoder(), unfinished=unfinished, seed=2)
    assert count_fits() - before == 5 * 5 + 1  # folds, repeats, the final fit


def test_damaged_step_is_made_anew(tmp_path, caplog):
    steps = Checkpoints(tmp_path, key="a1")
    steps.keep("fold-0", lambda: np.array([1.0, 2.0]))
    path = tmp_path / "a1" / "fold-0.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    assert steps.keep("fold-0", lambda: np.array([3.0])).tolist() == [3.0]
    assert "made anew" in caplog.text


def test_trainings_broken_off_long_ago_are_forgotten(tmp_path):
    for name, age in (("old", KEPT_FOR + timedelta(hours=1)), ("new", timedelta(hours=1))):
        Checkpoints(tmp_path, key=name).keep("fold-0", lambda: np.zeros(1))
        moment = (NOW - age).timestamp()
        os.utime(tmp_path / name, (moment, moment))
    assert forget_old(tmp_path, now=NOW) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
