import os
import subprocess
import sys

import pytest

from ctaopt.settings.private_files import make_private


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def opened(tmp_path):
    """A folder as an earlier version made it: for everybody to read."""
    folder = tmp_path / "data"
    (folder / "models" / "1").mkdir(parents=True)
    for name in ("ctaopt.sqlite3", "ctaopt.sqlite3-wal", "models/1/weights"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    (folder / "secret_key").touch(mode=0o600)
    return folder


def modes(folder):
    return {path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")] if path.is_file()}


def test_open_folder_and_its_files_are_closed(opened):
    make_private(opened)
    assert opened.stat().st_mode & 0o777 == 0o700
    assert (opened / "models").stat().st_mode & 0o777 == 0o700
    assert modes(opened) == {0o600}


def test_new_files_are_closed_from_the_start(opened):
    make_private(opened)
    (opened / "new").write_text("x")
    (opened / "folder").mkdir()
    assert (opened / "new").stat().st_mode & 0o777 == 0o600
    assert (opened / "folder").stat().st_mode & 0o777 == 0o700


def test_group_of_the_scoring_socket_enters_and_reads_nothing_else(opened):
    make_private(opened, group_enters=True)
    assert opened.stat().st_mode & 0o777 == 0o710
    assert modes(opened) == {0o600}


def test_closed_folder_is_not_walked_again(opened):
    make_private(opened)
    (opened / "ctaopt.sqlite3").chmod(0o640)
    make_private(opened)
    assert (opened / "ctaopt.sqlite3").stat().st_mode & 0o777 == 0o640


def test_link_out_of_the_folder_is_left_alone(opened, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("x")
    target.chmod(0o644)
    (opened / "link").symlink_to(target)
    make_private(opened)
    assert target.stat().st_mode & 0o777 == 0o644


def test_installation_starts_closed(tmp_path, pytestconfig):
    folder = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "CTAOPT_DATA_DIR": str(folder)}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=pytestconfig.rootpath,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod"},
        check=True,
    )
    assert folder.stat().st_mode & 0o777 == 0o700
    found = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}
    assert "ctaopt.sqlite3" in found
    assert set(found.values()) == {0}
