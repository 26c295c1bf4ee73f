"""What `.ci/run` does before it runs make, with everything that installs replaced."""

import shutil
import subprocess

import pytest

PROGRAMS = (
    *(
        "make",
        "chromium-headless-shell",
        "npm",
        "redis-server",
        "systemd-analyze",
        "java",
        "nginx",
        "caddy",
    ),
    "promtool",
)
POLICY = "/usr/sbin/policy-rc.d"


def program(path, script=""):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path):
    """A PATH with all that CI needs; its programs do nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "ls", "rm", "chmod", "git"):
        (folder / name).symlink_to(shutil.which(name))
    for name in (*PROGRAMS, "apt-get"):
        program(folder / name)
    return folder


@pytest.fixture
def run(pytestconfig, tools, tmp_path):
    """Run the script in a clone; the machine's policy on services is a file beside it."""

    def start(clone):
        (clone / ".ci").mkdir(parents=True, exist_ok=True)
        script = (pytestconfig.rootpath / ".ci" / "run").read_text()
        assert POLICY in script
        (clone / ".ci" / "run").write_text(script.replace(POLICY, str(tmp_path / "policy")))
        return subprocess.run(
            [shutil.which("sh"), clone / ".ci" / "run"],
            env={"PATH": str(tools), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return start


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("status", [0, 100])
def test_no_service_starts_by_being_installed(run, tools, tmp_path, status):
    (tools / "redis-server").unlink()
    seen, policy = tmp_path / "seen", tmp_path / "policy"
    program(
        tools / "apt-get",
        f'[ "$1" = update ] || {{ {policy}; echo "$? $*" >{seen}; exit {status}; }}',
    )
    assert run(tmp_path / "clone").returncode == status
    forbidden, *words = seen.read_text().split()
    assert forbidden == "101"
    assert "redis-server" in words
    # It was not the machine's own.
    assert not policy.exists()


def test_policy_of_the_machine_stays(run, tools, tmp_path):
    (tools / "redis-server").unlink()
    program(tmp_path / "policy", "exit 104")
    assert run(tmp_path / "clone").returncode == 0
    assert "exit 104" in (tmp_path / "policy").read_text()


def test_shallow_clone_gets_its_history(run, tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", origin)
    for name in ("one", "two"):
        git(origin, "commit", "--quiet", "--allow-empty", "--message", name)
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{origin}", clone)
    assert run(clone).returncode == 0
    assert git(clone, "rev-list", "--count", "HEAD") == "2"
    shutil.rmtree(origin)
    shutil.rmtree(clone / ".git")
    assert run(clone).returncode == 0
