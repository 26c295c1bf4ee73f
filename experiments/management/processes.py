"""Child processes of a command: started, watched and stopped with all they started."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

# Long enough to end a request or a short task, short enough for somebody who waits.
GRACE_S = 5.0
POLL_S = 0.05
# prctl(2): the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process in a group of its own, its output in a file."""

    name: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def is_running(self) -> bool:
        # WNOWAIT: an ended process keeps its number until stop() has looked at its group.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is None


class Children:
    """The processes of one command."""

    def __init__(self, *, folder: Path, log_dir: Path) -> None:
        self._folder = folder
        self._log_dir = log_dir
        self._children: list[Child] = []

    def start(
        self, name: str, argv: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start a process, with more environment than ours where given.

        A terminal's Ctrl-C reaches this command only, not the child. If the command is killed,
        the child is asked to end (on Linux).
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log = self._log_dir / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  argv is our own, no shell
                list(argv),
                cwd=self._folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Of a command without threads of its own: a lock that one held would stay held.
                preexec_fn=_end_with_parent,
            )
        child = Child(name=name, process=process, log=log)
        self._children.append(child)
        return child

    def collect(self, child: Child) -> int:
        """Take an ended child out of what is watched; return its exit status."""
        self._children.remove(child)
        _end_group(child)
        return child.process.wait()

    def first_dead(self) -> Child | None:
        return next((child for child in self._children if not child.is_running()), None)

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        """Ask every child to end, wait a little, then end what is left of each group."""
        for child in self._children:
            _signal(child, signal.SIGTERM)
        deadline = monotonic() + grace_s
        while any(child.is_running() for child in self._children) and monotonic() < deadline:
            sleep(POLL_S)
        for child in self._children:
            _end_group(child)
            child.process.wait()
        self._children.clear()


def _end_with_parent() -> None:
    """Have the kernel ask this process to end when its parent has been killed."""
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.is_running():
        child.process.send_signal(number)


def _end_group(child: Child) -> None:
    """End what the child may have left behind; its group bears its own number."""
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
