import shutil
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from ml.history.writing import write_ctaopt
from ml.models import PredictorVersion
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import learnable_rows
from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


def test_train_prints_the_strategies_beside_each_other(model_dir, history, capsys):
    call_command("train_predictor", "--history", history)
    told = capsys.readouterr()
    header, *lines = [line for line in told.out.splitlines() if line]
    assert header.startswith("40 contrast groups, 120 arms")
    (accuracy,) = [line for line in lines if line.startswith("accuracy, all pairs")]
    assert accuracy.count("[") == 4
    assert "Noise ceiling" in told.out
    assert told.out.rstrip().endswith("Active: predictor 1, TF-IDF ridge (learned from scratch).")
    assert "100%  Building its fast copies" in told.err


@pytest.mark.usefixtures("without_fast_copies")
def test_train_json_is_one_object(model_dir, history, capsys):
    found = run_json(capsys, "train_predictor", "--history", history)
    assert (found["number"], found["status"], found["skipped_rows"]) == (1, "active", 0)
    assert set(found["manifest"]["metrics"]) == {"no_text", "tfidf", "frozen_head", "frozen_layers"}


@pytest.mark.usefixtures("without_fast_copies")
def test_train_without_a_file_uses_the_archive(model_dir, settings, capsys):
    settings.CTAOPT_HISTORY_SOURCE = "tests.ml.factories.learnable_rows"
    found = run_json(capsys, "train_predictor")
    assert found["manifest"]["data"]["groups"] == 60


@pytest.mark.usefixtures("without_fast_copies")
def test_train_on_several_files_joins_them(model_dir, tmp_path, history, capsys):
    other = tmp_path / "other.csv"
    write_ctaopt([row for row in learnable_rows(60, seed=3) if row.test > "t4"], other)
    found = run_json(capsys, "train_predictor", "--history", history, other)
    assert found["manifest"]["data"]["groups"] > 40


def test_train_says_when_nothing_passed(model_dir, settings, capsys):
    settings.CTAOPT_HISTORY_SOURCE = "tests.ml.management.commands.test_train_predictor.noise"
    call_command("train_predictor")
    assert "Nothing is promoted" in capsys.readouterr().out
    assert PredictorVersion.objects.get().status == "rejected"


def noise():
    """Tests in which wording decides nothing."""
    return learnable_rows(40, gain=0.0)


def test_train_on_too_little_is_one_line(model_dir, tmp_path):
    path = tmp_path / "small.csv"
    write_ctaopt(learnable_rows(2), path)
    with pytest.raises(CommandError, match=r"^Too little history: 2 tests with two wordings"):
        call_command("train_predictor", "--history", path)


@pytest.mark.usefixtures("without_fast_copies")
def test_asked_strategies_are_trained_served_and_judged(model_dir, history, capsys):
    found = run_json(capsys, "train_predictor", "--history", history, "--strategies", "stack")
    assert set(found["manifest"]["metrics"]) == {"no_text", "stack"}
    assert found["strategy"] == "stack"
    judged = run_json(capsys, "evaluate_predictor", history)
    assert judged["strategy"] == "stack"
    assert judged["accuracy_all"] > 0.7
    ranked = run_json(capsys, "score_wording", "free thing1 item1", "submit thing1 item1")
    assert ranked["refusal"] is None


def test_strategy_that_is_not_there_is_refused(model_dir, history):
    with pytest.raises(CommandError, match="invalid choice: 'magic'"):
        call_command("train_predictor", "--history", history, "--strategies", "magic")


@pytest.mark.usefixtures("without_fast_copies")
def test_source_tests_are_measured_and_shown(model_dir, history, tmp_path, capsys):
    source = tmp_path / "source.csv"
    rows = [
        replace(row, test=f"b{row.test}", text=f"{row.text} b{row.test}")
        for row in learnable_rows(40, seed=5)
    ]
    write_ctaopt(rows, source)
    call_command("train_predictor", "--history", history, "--source", source)
    told = capsys.readouterr().out
    assert "Source: 40 contrast groups, 120 arms" in told
    assert "proxy A-distance" in told


@pytest.mark.usefixtures("without_fast_copies")
def test_encoders_that_were_compared_are_shown(model_dir, settings, history, tmp_path, capsys):
    shutil.copytree(TINY_ENCODER, tmp_path / "small")
    call_command("install_encoder", str(tmp_path / "small"))
    settings.CTAOPT_ENCODER = ""
    call_command("train_predictor", "--history", history, "--strategies", "tfidf")
    told = capsys.readouterr().out
    assert "encoder, frozen" in told
    assert "all-MiniLM-L6-v2 (chosen)" in told
    assert "small" in told
