"""Files of deploy/: units, image, compose and Kubernetes, as far as a machine without them can."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments.services.deployment.settings_checks import known_variables
from tests.missing import leave_out

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PLACE = "/opt/ctaopt"
DATABASES = {"postgres", "redis"}
# What Django, Celery and the containers of others read.
OTHERS = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "HF_HUB_OFFLINE", "PATH"}
OTHERS |= {"PYTHONUNBUFFERED"}


class Unit(configparser.RawConfigParser):
    """A unit file; systemd's names have capitals."""

    def __init__(self, path):
        super().__init__(strict=True)
        self.optionxform = str
        self.read_string(path.read_text())


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def manifests():
    """Objects of the manifests, the kustomization left out."""
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text())


def pods():
    for one in manifests():
        if one["kind"] in {"Deployment", "Job"}:
            yield one, one["spec"]["template"]["spec"]


def containers():
    return [(one, box) for one, pod in pods() for box in pod["containers"]]


def single(words):
    """The commands behind `sh -c`."""
    if words[:2] != ["sh", "-c"]:
        return [words]
    return [shlex.split(part.removeprefix("exec ")) for part in words[2].split(" && ")]


def commands():
    """Every command of the files, without repetition, as words."""
    found = [shlex.split(Unit(path)["Service"]["ExecStart"]) for path in UNITS]
    services = compose()["services"]
    found += [one["command"] for name, one in services.items() if name not in DATABASES]
    found += [box["command"] for _, box in containers()]
    found += json.loads("[" + re.search(r"^CMD (.*)$", image(), re.MULTILINE)[1] + "]")
    return sorted({tuple(one) for words in found for one in single(words)})


def image():
    return (DEPLOY / "Containerfile").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_command_exists_and_takes_these_options(words):
    program, *options = words
    here = Path(sys.executable).with_name(Path(program).name)
    result = subprocess.run(
        [str(here), *options, "--help"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_every_process_has_a_unit_a_service_and_a_pod():
    names = {"web", "worker", "beat", "consumer", "scoring"}
    assert {path.stem.removeprefix("ctaopt-") for path in UNITS} == names | {"backup"}
    assert set(compose()["services"]) == names | DATABASES | {"prepare"}
    assert {box["name"] for _, box in containers()} == names | {"migrate"}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_unit_is_right(path, tmp_path):
    """With this checkout at the place of an installation."""
    if shutil.which("systemd-analyze") is None:
        leave_out("systemd-analyze is not installed (Debian package systemd)")
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace(PLACE, str(PROJECT))
        (tmp_path / unit.name).write_text(text)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / path.name)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(tmp_path) not in result.stdout + result.stderr
    assert "ctaopt" not in result.stderr.replace(str(tmp_path), "")


def test_units_are_hardened_alike():
    hardened = []
    for path in UNITS:
        section = Unit(path)["Service"]
        kept = ("Exec", "Restart", "TimeoutStop", "Type", "ReadWritePaths")
        hardened.append({k: v for k, v in section.items() if not k.startswith(kept)})
    assert all(one == hardened[0] for one in hardened)
    assert hardened[0]["UMask"] == "0077"
    assert hardened[0]["ProtectSystem"] == "strict"


def test_containers_run_without_rights():
    for name, one in compose()["services"].items():
        if name not in DATABASES:
            assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert all(pod["securityContext"]["runAsNonRoot"] for _, pod in pods())
    for _, box in containers():
        assert box["securityContext"]["readOnlyRootFilesystem"]
        assert box["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert re.search(r"^USER 10001$", image(), re.MULTILINE)


def test_there_is_one_beat():
    (beat,) = (one for one, box in containers() if box["name"] == "beat")
    assert (beat["spec"]["replicas"], beat["spec"]["strategy"]) == (1, {"type": "Recreate"})
    units = [path for path in UNITS if "beat" in shlex.split(Unit(path)["Service"]["ExecStart"])]
    assert len(units) == 1
    for path in UNITS:
        assert "--beat" not in Unit(path)["Service"]["ExecStart"]


def test_redis_keeps_what_it_acknowledges():
    words = compose()["services"]["redis"]["command"]
    assert words[words.index("--appendonly") + 1] == "yes"
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"


def test_variables_are_those_that_the_settings_read():
    lines = (DEPLOY / "ctaopt.env").read_text().splitlines()
    named = {match[1] for line in lines if (match := re.match(r"(?:# )?([A-Z_]+)=", line))}
    for name, one in compose()["services"].items():
        if name not in DATABASES:
            named |= set(one["environment"])
    for one in manifests():
        if one["kind"] in {"ConfigMap", "Secret"}:
            named |= set(one.get("data") or one["stringData"])
    assert named - known_variables() - OTHERS == set()


def test_manifests_are_those_of_the_kustomization():
    folder = DEPLOY / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(
        path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml"
    )


def test_secrets_and_data_stay_out_of_the_image():
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "var"} <= set(ignored)
