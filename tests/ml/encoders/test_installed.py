import logging

import pytest

from ml.encoders.installed import (
    InstalledEncoder,
    find_encoder,
    folder_size,
    list_installed,
    model_folder,
    write_about,
)


def about(key="own", size=5):
    return InstalledEncoder(
        key=key,
        title="Own",
        source="folder /own",
        licence="mit",
        languages=("en",),
        size=size,
        fingerprint=f"{size:064x}",
    )


@pytest.fixture
def put(tmp_path):
    def write(one):
        model_folder(tmp_path, one.key).mkdir(parents=True)
        write_about(tmp_path / one.key, one)
        return one

    return write


def test_encoders_are_listed_the_smallest_first(put, tmp_path):
    large, small = put(about("a", 9)), put(about("b", 2))
    assert list_installed(tmp_path) == [small, large]
    assert find_encoder([small, large], large.fingerprint) == large
    assert find_encoder([small], large.fingerprint) is None


def test_damaged_description_and_drafts_are_left_out(put, tmp_path, caplog):
    put(about("a"))
    put(about(".b.draft"))
    (tmp_path / "a" / "about.json").write_text("{")
    with caplog.at_level(logging.WARNING, logger="ml.encoders.installed"):
        assert list_installed(tmp_path) == []
    assert "about.json is damaged" in caplog.text


def test_size_is_that_of_all_files(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"45")
    assert folder_size(tmp_path) == 5
