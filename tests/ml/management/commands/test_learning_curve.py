import pytest
from django.core.management import CommandError, call_command

from ml.history.writing import write_ctaopt
from tests.ml.factories import learnable_rows
from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


def test_learning_curves_are_measured_and_drawn(model_dir, history, tmp_path, capsys):
    drawing = tmp_path / "curves.svg"
    found = run_json(
        capsys, "learning_curve", "--history", history, "--splits", "2", "--drawing", drawing
    )
    assert list(found["curves"]) == ["no_text", "tfidf", "frozen_head", "frozen_layers"]
    sizes = [point["groups"] for point in found["curves"]["tfidf"]]
    assert (sizes[0], found["groups"], found["splits"]) == (25, 40, 2)
    assert set(found["data_saving"]) == {"frozen_head", "frozen_layers"}
    assert drawing.read_text().startswith("<svg")
    call_command("learning_curve", "--history", history, "--strategies", "tfidf", "--splits", "1")
    told = capsys.readouterr()
    assert "past tests" in told.out
    assert "100%" in told.err


def test_learning_curves_of_too_few_tests_are_refused(model_dir, tmp_path):
    path = tmp_path / "few.csv"
    write_ctaopt(learnable_rows(5), path)
    with pytest.raises(CommandError, match="20"):
        call_command("learning_curve", "--history", path)


def test_drawing_that_cannot_be_written_is_named(model_dir, history, tmp_path):
    with pytest.raises(CommandError, match=r"--drawing .*: No such file or directory"):
        call_command(
            "learning_curve",
            *("--history", history, "--strategies", "tfidf", "--splits", "1"),
            *("--drawing", tmp_path / "nowhere" / "curves.svg"),
        )


def test_curves_of_the_archive_are_kept_with_the_active_predictor(active, monkeypatch, capsys):
    monkeypatch.setattr("ml.predict.archived_rows", lambda: learnable_rows(40))
    call_command("learning_curve", "--strategies", "tfidf", "--splits", "1")
    assert f"Kept with predictor {active.number}." in capsys.readouterr().err
    active.refresh_from_db()
    kept = active.training_record["learning_curve"]
    assert (kept["groups"], kept["splits"]) == (40, 1)
    assert len(kept["curves"]["tfidf"]) == len(kept["growth"]["tfidf"]["sizes"]) == 2


def test_curves_without_an_active_predictor_are_shown_only(model_dir, monkeypatch, capsys):
    monkeypatch.setattr("ml.predict.archived_rows", lambda: learnable_rows(40))
    call_command("learning_curve", "--strategies", "tfidf", "--splits", "1")
    told = capsys.readouterr()
    assert "no active predictor" in told.err
    assert "past tests" in told.out
