import json

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def wordings(tmp_path):
    path = tmp_path / "wordings.txt"
    path.write_text("plain 1\nfree 1\n\n free 1 \nplain 2\n", encoding="utf-8")
    return path


def test_long_list_is_sorted_best_first(active, wordings, capsys):
    call_command("rank_list", wordings, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["predictor"] == active.number
    assert found["wordings"][0]["text"] == "free 1"
    scores = [each["score"] for each in found["wordings"]]
    assert len(scores) == 3  # Each wording once.
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(0)


def test_table_shows_the_first_and_says_how_good_the_student_is(active, wordings, capsys):
    call_command("rank_list", wordings, "--top", "1")
    told = capsys.readouterr().out
    assert "free 1" in told
    assert "plain" not in told
    assert "3 wordings; correlation of the student with predictor 1" in told


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\n \n", "there is no wording in it"), (b"\xff\xfe\xff", "codec can't decode")],
    ids=["empty", "not text"],
)
def test_file_without_wordings_is_refused(active, tmp_path, content, message):
    path = tmp_path / "wordings.txt"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        call_command("rank_list", path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("rank_list", tmp_path / "none.txt")


def test_without_a_predictor_nothing_is_sorted(model_dir, wordings):
    with pytest.raises(CommandError, match="no predictor is active"):
        call_command("rank_list", wordings)
