import json

import pytest
from django.core.management.utils import get_random_secret_key

from experiments.services.operations.transfer_seal import (
    SEAL,
    SealError,
    check_seal,
    folder_fingerprint,
    seal_folder,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "_catalogue.jsonl").write_text("{}\n")
    (tmp_path / "_manifest.json").write_text("{}")
    return tmp_path


def test_fingerprint_is_that_of_the_files(folder):
    # sha256sum of "_catalogue.jsonl:<sha256>\n_manifest.json:<sha256>\n", the first 32 digits.
    assert folder_fingerprint(folder) == "5fa009c71c040e9a1a646639ddf38805"
    assert seal_folder(folder) == folder_fingerprint(folder)


def test_own_folder_opens(folder):
    seal_folder(folder)
    check_seal(folder)


@pytest.mark.parametrize("name", ["_catalogue.jsonl", "_manifest.json"])
def test_changed_file_is_found_even_with_its_fingerprint(folder, name):
    seal_folder(folder)
    (folder / name).write_text("{ }\n")
    for confirmed in ("", folder_fingerprint(folder)):
        with pytest.raises(SealError, match="changed after the export"):
            check_seal(folder, confirmed=confirmed)


def test_forged_seal_is_a_stranger_s(folder, settings):
    settings.SECRET_KEY = get_random_secret_key()
    fingerprint = seal_folder(folder)
    settings.SECRET_KEY = get_random_secret_key()
    with pytest.raises(SealError, match=f"--fingerprint {fingerprint}"):
        check_seal(folder)
    check_seal(folder, confirmed=fingerprint)
    with pytest.raises(SealError, match="has the fingerprint"):
        check_seal(folder, confirmed="0" * 32)


def test_seal_of_before_a_rotation_opens(folder, settings):
    seal_folder(folder)
    former, settings.SECRET_KEY = settings.SECRET_KEY, get_random_secret_key()
    settings.SECRET_KEY_FALLBACKS = [former]
    check_seal(folder)


def test_folder_without_a_seal_needs_the_fingerprint(folder):
    with pytest.raises(SealError, match="did not write it"):
        check_seal(folder)
    check_seal(folder, confirmed=folder_fingerprint(folder))


@pytest.mark.parametrize(
    "content",
    ["{", "[]", json.dumps({"format": "other"}), "[" * 9_000, "x" * 20_000],
    ids=["no JSON", "list", "format", "deep", "large"],
)
def test_unreadable_seal_is_refused(folder, content):
    (folder / SEAL).write_text(content)
    with pytest.raises(SealError, match=SEAL):
        check_seal(folder, confirmed=folder_fingerprint(folder))
