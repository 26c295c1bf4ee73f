import shutil

import pytest
from django.core.management import CommandError, call_command

from tests.ml.conftest import TINY_ENCODER

pytestmark = pytest.mark.django_db


def test_installed_encoder_is_removed(settings, tmp_path, capsys):
    settings.CTAOPT_ENCODER_DIR = tmp_path / "encoders"
    shutil.copytree(TINY_ENCODER, tmp_path / "own")
    call_command("install_encoder", str(tmp_path / "own"))
    call_command("remove_encoder", "own")
    assert capsys.readouterr().out.endswith("Removed: own.\n")
    with pytest.raises(CommandError, match="encoder 'own': it is not installed"):
        call_command("remove_encoder", "own")
