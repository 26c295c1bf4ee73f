import pytest
from django.core.management import CommandError, call_command

from ml.history.writing import write_ctaopt
from tests.ml.factories import learnable_rows
from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("active")
def test_evaluate_json_has_the_published_fields(history, capsys):
    found = run_json(capsys, "evaluate_predictor", history)
    assert (found["groups"], found["predictor"], found["strategy"]) == (40, 1, "tfidf")
    figures = "accuracy_all accuracy_p05 top1 top1_chance lift_of_pick log_loss ece coverage"
    for name in [*figures.split(), "noise_ceiling"]:
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert 0 < found["pairs_p05"] <= found["pairs"]
    low, high = found["intervals"]["accuracy_answered"]
    assert low <= found["accuracy_answered"] <= high
    assert (found["pairs_answered"], found["accuracy_refused"]) == (found["pairs"], None)


@pytest.mark.usefixtures("active")
def test_evaluate_tells_how_much_it_knows_of_the_file(history, capsys):
    call_command("evaluate_predictor", history)
    out = capsys.readouterr().out
    assert "accuracy_all" in out
    assert "40 groups share a test or a wording with the training history" in out


@pytest.mark.usefixtures("active")
def test_evaluate_on_another_language_answers_nothing(tmp_path, capsys):
    path = tmp_path / "french.csv"
    write_ctaopt(learnable_rows(5, locale="fr"), path)
    found = run_json(capsys, "evaluate_predictor", path)
    assert (found["coverage"], found["pairs_answered"], found["accuracy_answered"]) == (0, 0, None)
    assert found["accuracy_refused"] == found["accuracy_all"]
    assert found["pairs"] > 0
    assert found["reason"] == "The predictor has no answer for any of these tests."
    call_command("evaluate_predictor", path)
    assert "has no answer for any" in capsys.readouterr().out


def test_evaluate_without_a_predictor_is_one_line(model_dir, history):
    with pytest.raises(CommandError, match="no predictor is active"):
        call_command("evaluate_predictor", history)
