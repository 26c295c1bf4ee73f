import json
import shutil

import pytest
from django.core.management import call_command

from tests.ml.conftest import TINY_ENCODER

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own(settings, tmp_path):
    settings.CTAOPT_ENCODER_DIR = tmp_path / "encoders"
    shutil.copytree(TINY_ENCODER, tmp_path / "own")
    (tmp_path / "own" / "README.md").write_text("---\nlanguage: [en, fr, de, es, it]\n---\n")
    call_command("install_encoder", str(tmp_path / "own"))


def test_table_names_what_is_here_and_what_can_be(capsys):
    capsys.readouterr()
    call_command("list_encoders")
    told = capsys.readouterr().out
    assert "all-MiniLM-L6-v2" in told
    assert "en, fr, de, es and 1 more" in told
    assert "To install: manage.py install_encoder {mpnet,e5-multilingual}" in told


def test_json_has_every_field(capsys):
    capsys.readouterr()
    call_command("list_encoders", "--json")
    packaged, own = json.loads(capsys.readouterr().out)["encoders"]
    assert (packaged["key"], packaged["packaged"]) == ("minilm", True)
    assert (own["key"], own["packaged"], own["predictors"], own["active"]) == (
        "own",
        False,
        [],
        None,
    )
