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
