import json
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from ml.history.writing import write_ctaopt
from ml.models import PredictorVersion
from tests.ml.factories import learnable_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(tmp_path):
    """A file of 40 simulated English tests."""
    path = tmp_path / "history.csv.gz"
    write_ctaopt(learnable_rows(40, locale="en"), path)
    return path


def run_json(capsys, *args):
    capsys.readouterr()
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out)


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
    settings.CTAOPT_HISTORY_SOURCE = "tests.ml.management.test_commands.noise"
    call_command("train_predictor")
    assert "Nothing is promoted" in capsys.readouterr().out
    assert PredictorVersion.objects.get().status == "rejected"


def noise():
    """Tests in which wording decides nothing."""
    return learnable_rows(40, gain=0.0)


@pytest.mark.usefixtures("without_fast_copies")
def test_train_names_skipped_rows_and_takes_the_rest(model_dir, history, tmp_path, capsys):
    path = tmp_path / "dirty.csv"
    write_ctaopt(learnable_rows(40), path)
    path.write_text(path.read_text() + "t,,Go,5,9,,,,,,,0\r\n")
    found = run_json(capsys, "train_predictor", "--history", path)
    assert found["skipped_rows"] == 1
    call_command("train_predictor", "--history", path)
    assert "line 122: clicks: are more than the visitors: '9 > 5'" in capsys.readouterr().err


@pytest.mark.usefixtures("active")
@pytest.mark.parametrize("command", ["train_predictor", "evaluate_predictor"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a,b\n1,2\n", "missing column: test"), (b"\x1f\x8b\x08", "the gzip file is damaged")],
)
def test_file_that_cannot_be_read_is_one_line(tmp_path, command, content, message, capsys):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    option = ["--history"] if command == "train_predictor" else []
    with pytest.raises(CommandError, match=message) as caught:
        call_command(command, *option, path, "--json")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""
    assert PredictorVersion.objects.count() == 1


def test_train_on_too_little_is_one_line(model_dir, tmp_path):
    path = tmp_path / "small.csv"
    write_ctaopt(learnable_rows(2), path)
    with pytest.raises(CommandError, match=r"^Too little history: 2 tests with two wordings"):
        call_command("train_predictor", "--history", path)


@pytest.mark.parametrize("command", [["train_predictor"], ["evaluate_predictor", "x.csv"]])
def test_negative_seed_is_refused(command):
    with pytest.raises(CommandError, match="--seed: must not be negative"):
        call_command(*command, "--seed", "-1")


@pytest.mark.usefixtures("active")
def test_evaluate_json_has_the_published_fields(history, capsys):
    found = run_json(capsys, "evaluate_predictor", history)
    assert (found["groups"], found["predictor"], found["strategy"]) == (40, 1, "tfidf")
    figures = "accuracy_all accuracy_p05 top1 top1_chance lift_of_pick log_loss ece coverage"
    for name in [*figures.split(), "noise_ceiling"]:
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert 0 < found["pairs_p05"] <= found["pairs"]


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
    assert (found["coverage"], found["accuracy_all"], found["noise_ceiling"]) == (0, None, None)
    assert found["reason"] == "The predictor has no answer for any of these tests."
    call_command("evaluate_predictor", path)
    assert "has no answer for any" in capsys.readouterr().out


def test_evaluate_without_a_predictor_is_one_line(model_dir, history):
    with pytest.raises(CommandError, match="no predictor is active"):
        call_command("evaluate_predictor", history)


@pytest.mark.usefixtures("active")
def test_score_compares_with_the_first_wording(capsys):
    texts = ["plain thing1", "free thing1", "submit thing1"]
    found = run_json(capsys, "score_wording", *texts, "--locale", "en")
    assert found["control"] == "plain thing1"
    assert [wording["text"] for wording in found["wordings"]] == texts
    assert [wording["rank"] for wording in found["wordings"]] == [2, 1, 3]
    assert found["wordings"][0]["chance"] is None


@pytest.mark.usefixtures("active")
def test_score_compares_with_the_control_given(capsys):
    found = run_json(capsys, "score_wording", "free thing1", "--control", "plain thing1")
    assert [wording["is_control"] for wording in found["wordings"]] == [True, False]
    assert found["notes"][0]["message"].startswith("The language was not stated")


@pytest.mark.usefixtures("active")
def test_score_prints_a_table_best_first(capsys):
    call_command("score_wording", "plain thing1", "submit thing1", "free thing1", "<b>")
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "Predictor 1:"
    assert [row.split()[0] for row in rows[:4]] == ["1", "2", "3", "-"]
    assert "(control)" in rows[1]
    assert "contains HTML" in rows[3]


@pytest.mark.usefixtures("active")
def test_score_refuses_a_language_without_past_tests(capsys):
    found = run_json(capsys, "score_wording", "Découvrir", "Essayer", "--locale", "fr")
    assert found["refusal"]["code"] == "locale_not_covered"
    call_command("score_wording", "Découvrir", "Essayer", "--locale", "fr")
    assert "No prediction: 0 past tests are in this language" in capsys.readouterr().out


def test_score_without_a_predictor_says_so(model_dir, capsys):
    found = run_json(capsys, "score_wording", "Buy now")
    assert (found["predictor"], found["refusal"]["code"]) == (None, "no_predictor")


def test_score_with_a_damaged_predictor_is_one_line(active, model_dir):
    (model_dir / active.artifact / "words.json").unlink()
    with pytest.raises(CommandError, match=r"words\.json: the file is missing"):
        call_command("score_wording", "free thing1")


def test_principles_of_a_file_are_measured(history, capsys):
    found = run_json(capsys, "measure_principles", "--history", history)
    assert found["tests"] == 40
    reward = next(each for each in found["traits"] if each["trait"] == "reward")
    assert reward["low"] > 0
    assert reward["name"] == "Reward"
    assert (
        run_json(capsys, "measure_principles", "--history", history, "--locale", "fr")["tests"] == 0
    )
    call_command("measure_principles", "--history", history)
    told = capsys.readouterr().out
    assert told.startswith("40 contrast groups:")
    assert "Question" in told


def test_score_explains_checks_and_proposes(active, capsys):
    texts = ["free thing1", "Submit"]
    asked = ["--control", "plain thing1", "--locale", "en", "--explain", "--suggest", "3"]
    found = run_json(capsys, "score_wording", *texts, *asked)
    free = found["wordings"][1]
    assert [each["word"] for each in free["words"]] == ["free", "thing1"]
    assert 0 < free["belief"]["best"] <= 1
    assert [each["check"] for each in free["checks"]][:2] == ["length", "verb"]
    assert free["principles"] == ["number", "reward"]
    assert len(found["suggestions"]) == 3
    assert found["suggestions"][0]["message"]
    assert found["chances"][0][1] + found["chances"][1][0] == pytest.approx(1)
    call_command("score_wording", *texts, *asked)
    told = capsys.readouterr().out
    assert "free thing1: free +" in told
    assert told.count("To test: ") == 3


def test_without_a_predictor_rewordings_are_proposed_unranked(model_dir, capsys):
    found = run_json(capsys, "score_wording", "Start now", "--locale", "en", "--suggest", "2")
    assert [each["text"] for each in found["suggestions"]] == ["Begin now", "Launch now"]
    assert {each["chance"] for each in found["suggestions"]} == {None}


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


def test_transfer_settings_are_compared(model_dir, history, tmp_path, capsys):
    source = tmp_path / "source.csv"
    rows = [
        replace(row, test=f"b{row.test}", text=f"{row.text} b{row.test}")
        for row in learnable_rows(40, seed=5)
    ]
    write_ctaopt(rows, source)
    found = run_json(capsys, "compare_transfer", "--source", source, "--target", history)
    assert found["target_groups"] == 40
    assert len(found["settings"]) == 5
    call_command("compare_transfer", "--source", source, "--target", history)
    assert "transductive: source aligned" in capsys.readouterr().out


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
