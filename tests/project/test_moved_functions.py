"""Settings of before an upgrade that name a function which has moved are refused with its place."""

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ctaopt.apps import MOVED

OLD_EVALUATE = "ctaopt.rendering.evaluate"
OLD_SOURCE = "experiments.services.archive.history_rows"


@pytest.fixture
def start():
    return apps.get_app_config("ctaopt").ready


def test_function_that_answers_pages(settings, start):
    settings.CTAOPT_DJANGO = {"KEY": "k", "EVALUATE": OLD_EVALUATE}
    sentence = (
        r'CTAOPT_DJANGO\["EVALUATE"\]: ctaopt.rendering.evaluate has moved, '
        r"name ctaopt.local_evaluation.evaluate\."
    )
    with pytest.raises(ImproperlyConfigured, match=sentence):
        start()


def test_source_of_past_tests(settings, start):
    settings.CTAOPT_HISTORY_SOURCE = OLD_SOURCE
    sentence = "has moved, name experiments.services.learning.history_rows.history_rows"
    with pytest.raises(ImproperlyConfigured, match=sentence):
        start()


def test_settings_of_now_are_taken(settings, start):
    settings.CTAOPT_DJANGO = {"EVALUATE": MOVED[OLD_EVALUATE], "CONSENT": "shop.consent"}
    settings.CTAOPT_HISTORY_SOURCE = MOVED[OLD_SOURCE]
    start()


@pytest.mark.parametrize("path", MOVED.values())
def test_new_places_are_there(path):
    assert callable(import_string(path))


def test_command_says_it_in_one_sentence(pytestconfig, tmp_path):
    module = tmp_path / "own_settings.py"
    module.write_text(
        f'from ctaopt.settings.prod import *\nCTAOPT_HISTORY_SOURCE = "{OLD_SOURCE}"\n'
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "CTAOPT_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "own_settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("CTAOPT_HISTORY_SOURCE: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
