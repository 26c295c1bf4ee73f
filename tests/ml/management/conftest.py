import json

import pytest
from django.core.management import call_command

from ml.history.writing import write_ctaopt
from tests.ml.factories import learnable_rows


@pytest.fixture
def history(tmp_path):
    """A file of 40 simulated English tests."""
    path = tmp_path / "history.csv.gz"
    write_ctaopt(learnable_rows(40, locale="en"), path)
    return path


def run_json(capsys, *args):
    """Run a command with --json and return its object."""
    capsys.readouterr()
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out)
