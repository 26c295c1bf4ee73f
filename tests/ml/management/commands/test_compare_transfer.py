from dataclasses import replace

import pytest
from django.core.management import call_command

from ml.history.writing import write_ctaopt
from tests.ml.factories import learnable_rows
from tests.ml.management.conftest import run_json

pytestmark = pytest.mark.django_db


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
