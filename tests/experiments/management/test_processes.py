import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from experiments.management.processes import Children

# Starts a process of its own, says both numbers, and ends at SIGTERM unless told otherwise.
FAMILY = """
import signal, subprocess, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", ignore])
print(child.pid, flush=True)
child.wait()
"""
# Starts a child, and is killed: nobody stops the child.
KILLED = """
import os, signal, sys
from pathlib import Path
from experiments.management.processes import Children
children = Children(folder=Path(sys.argv[1]), log_dir=Path(sys.argv[1]))
child = children.start("a child", [sys.executable, "-c", "import time; time.sleep(600)"])
print(child.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def children(tmp_path):
    children = Children(folder=tmp_path, log_dir=tmp_path / "logs")
    yield children
    children.stop(grace_s=0)


def start(children, script, *arguments):
    return children.start("a child", [sys.executable, "-c", script, *arguments])


def wait_for(condition, seconds=20):
    deadline = monotonic() + seconds
    while not (value := condition()):
        assert monotonic() < deadline, "waited in vain"
        sleep(0.02)
    return value


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_output_of_a_child_goes_to_its_log(children):
    child = start(children, "import sys; print('out'); sys.stderr.write('err')")
    wait_for(lambda: not child.is_running())
    assert set(child.log.read_text().split()) == {"out", "err"}
    assert child.log.name == "a-child.log"


def test_dead_child_is_found_and_its_status_told(children):
    child = start(children, "raise SystemExit(3)")
    assert wait_for(children.first_dead) is child
    assert children.collect(child) == 3
    assert children.first_dead() is None


def test_living_child_is_not_taken_for_dead(children):
    start(children, "import time; time.sleep(60)")
    assert children.first_dead() is None


@pytest.mark.parametrize("arguments", [(), ("stubborn",)], ids=["obedient", "stubborn"])
def test_stop_ends_a_child_and_what_it_started(children, arguments):
    child = start(children, FAMILY, *arguments)
    grandchild = int(wait_for(child.log.read_text))
    children.stop(grace_s=0.5)
    assert not is_alive(child.process.pid)
    # Its parent is gone; init collects it.
    wait_for(lambda: not is_alive(grandchild) or _is_zombie(grandchild))


def test_child_is_out_of_reach_of_the_terminals_interrupt(children):
    child = start(children, "import time; time.sleep(60)")
    assert os.getpgid(child.process.pid) == child.process.pid != os.getpgid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children on Linux only")
def test_child_ends_with_a_command_that_is_killed(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    child = int(killed.stdout)
    wait_for(lambda: not is_alive(child) or _is_zombie(child))


def test_stop_lets_a_child_end_in_its_own_way(children):
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    child = start(children, script)
    wait_for(lambda: "ready" in child.log.read_text())
    children.stop()
    assert child.process.returncode == 0
    assert "bye" in child.log.read_text()


def _is_zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
