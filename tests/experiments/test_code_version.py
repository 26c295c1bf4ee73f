"""Version of the code in reports: the same for the same sources, another for any change."""

import re
import shutil

import pytest

from experiments import code_version
from experiments.code_version import PACKAGE, SOURCES, report_code, sources_digest


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources") / "experiments"
    for name in SOURCES:
        copy = shutil.copytree if (PACKAGE / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(PACKAGE / name, folder / name)
    return folder


def test_version_is_the_release_and_a_hash():
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{12}", report_code())
    # As long as the column of a frozen report at most.
    assert len(report_code()) <= 64


def test_copy_elsewhere_has_the_same_hash(original):
    assert report_code().endswith(f"+{sources_digest(original)}")


@pytest.mark.parametrize(
    "name", ["stats/sequential/plan_boundary.py", "services/documents/report.typ", "formatting.py"]
)
def test_any_change_of_a_source_changes_the_hash(original, tmp_path, name):
    changed = tmp_path / "experiments"
    shutil.copytree(original, changed)
    (changed / name).write_bytes((changed / name).read_bytes() + b"\n# changed\n")
    assert sources_digest(changed) != sources_digest(original)


def test_ends_of_lines_and_compiled_files_do_not_count(original, tmp_path):
    changed = tmp_path / "experiments"
    shutil.copytree(original, changed)
    path = changed / "formatting.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (changed / "stats" / "formatting.cpython-311.pyc").write_bytes(b"compiled")
    assert sources_digest(changed) == sources_digest(original)


def test_package_without_its_sources_names_the_release_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(code_version, "PACKAGE", tmp_path / "experiments")
    assert report_code.__wrapped__() == "unknown"
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.1"\n')
    assert report_code.__wrapped__() == "7.1"
