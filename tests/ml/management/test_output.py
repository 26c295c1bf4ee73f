import pytest
from django.core.management import CommandError, call_command

from ml.history.writing import write_ctaopt
from ml.models import PredictorVersion
from tests.ml.factories import learnable_rows
from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("command", [["train_predictor"], ["evaluate_predictor", "x.csv"]])
def test_negative_seed_is_refused(command):
    with pytest.raises(CommandError, match="--seed: must not be negative"):
        call_command(*command, "--seed", "-1")
