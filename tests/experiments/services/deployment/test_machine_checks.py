from types import SimpleNamespace

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

from experiments.services.deployment import machine_checks as subject


def severities(findings):
    return {row.subject: row.severity.name for row in findings}


def test_folder_open_to_others_is_named(tmp_path):
    tmp_path.chmod(0o755)
    secret = tmp_path / "secret_key"
    secret.touch(mode=0o600)
    assert severities(subject.mode_findings(tmp_path)) == {"data folder": "WARNING"}
    secret.chmod(0o640)
    tmp_path.chmod(0o750)
    assert severities(subject.mode_findings(tmp_path)) == {
        "secret file": "ERROR",
        "data folder": "OK",
    }


@pytest.mark.parametrize(("free", "severity"), [(50, "OK"), (9, "WARNING"), (1, "ERROR")])
def test_full_disk_is_named(tmp_path, monkeypatch, free, severity):
    usage = SimpleNamespace(free=free * 10**9, total=100 * 10**9)
    monkeypatch.setattr(subject.shutil, "disk_usage", lambda _: usage)
    assert subject.disk_finding(tmp_path).severity.name == severity


def test_forgotten_collectstatic_is_named(tmp_path, monkeypatch):
    storage = ManifestStaticFilesStorage(location=tmp_path)
    monkeypatch.setattr(subject, "staticfiles_storage", storage)
    finding = subject.static_finding()
    assert finding.severity.name == "ERROR"
    assert finding.remedy.startswith("Run `manage.py collectstatic --noinput`")
    paths = [path for one in subject.finders.get_finders() for path, _ in one.list([])]
    storage.hashed_files = dict.fromkeys(paths, "x")
    assert subject.static_finding().severity.name == "OK"
