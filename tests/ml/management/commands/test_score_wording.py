import pytest
from django.core.management import CommandError, call_command

from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


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
