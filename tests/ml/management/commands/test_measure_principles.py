import pytest
from django.core.management import call_command

from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


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
