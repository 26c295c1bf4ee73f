"""Commands of the README, run word for word in a new terminal on the demo's data."""

import re
import subprocess
import sys

import pytest

from tests.databases import PROJECT
from tests.end_to_end.prepared_data import copy_prepared_data, environment

pytestmark = pytest.mark.slow


UNRELATED = f"{sys.executable} manage.py score_wording Go Start"


def commands(heading):
    """Return the first block of commands below a heading."""
    text = (PROJECT / "README.md").read_text().partition(f"\n## {heading}\n")[2]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    return block.replace(".venv/bin/python", sys.executable)


@pytest.fixture
def run_on_the_demo(tmp_path):
    """Run commands in a terminal in which nothing is set but the data folder of the demo."""
    copy_prepared_data(tmp_path / "data")
    of_demo = environment(tmp_path / "data")
    new = {name: value for name, value in of_demo.items() if name != "DJANGO_SETTINGS_MODULE"}

    def run(script, variables=new):
        return subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            cwd=PROJECT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )

    # The first process on a database leaves its secret's digest there.
    assert run(UNRELATED, of_demo).returncode == 0
    return run


def test_past_tests_are_imported_into_the_demo(run_on_the_demo):
    # Training takes minutes, and what follows needs its predictor.
    script = commands("Past tests and the predictor").partition("train_predictor")[0]
    done = run_on_the_demo(script.rpartition("\n")[0])
    assert done.returncode == 0, done.stderr
    assert "archive of site demo: 5 rows read" in done.stdout


def test_demo_without_its_settings_is_refused_with_the_remedy(run_on_the_demo):
    done = run_on_the_demo(UNRELATED)
    assert done.returncode == 1
    assert "DJANGO_SETTINGS_MODULE=ctaopt.settings.demo" in done.stderr
    assert "CTAOPT_DATA_DIR" in done.stderr
