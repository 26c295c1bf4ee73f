"""Encoders installed on this machine: their folders and what is known of them."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ml.files import write_whole

logger = logging.getLogger(__name__)

# Stored; never rename.
ABOUT, MODEL = "about.json", "model"

Kind = Literal["packages", "hub", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledEncoder:
    """Description of an installed encoder, as stored beside it.

    Args:
        key: Name of its folder, by which commands name it.
        title: Name of the model.
        source: Origin: `packages`, `hub` or `folder`, with its address.
        licence: SPDX identifier, or the wording of its card; empty if unknown.
        languages: Tags of the languages that it reads; empty if unknown.
        size: Bytes of its folder.
        fingerprint: SHA-256 over weights, tokeniser and pooling.
    """

    # Stored; never rename.
    key: str
    title: str
    source: str
    licence: str
    languages: tuple[str, ...]
    size: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationPlan:
    """An installation as it is shown before anything is fetched.

    Args:
        kind: Kind of source.
        about: The encoder; its size is an estimate and its fingerprint empty.
        download_size: Bytes to fetch.
        note: Remark on the encoder; may be empty.
        place: Repository or folder; empty for packages.
        revision: Commit of the repository.
    """

    kind: Kind
    about: InstalledEncoder
    download_size: int
    note: str = ""
    place: str = ""
    revision: str = ""


def list_installed(folder: Path) -> list[InstalledEncoder]:
    """Return the installed encoders, the smallest first; damaged ones are left out and logged.

    Args:
        folder: Folder of all installed encoders; it may be absent.

    >>> list_installed(Path("/nowhere"))
    []
    """
    found = []
    for path in sorted(folder.glob(f"[!.]*/{ABOUT}")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            about = InstalledEncoder(**content | {"languages": tuple(content["languages"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("%s is damaged: %s", path, error)
            continue
        if model_folder(folder, about.key).is_dir():
            found.append(about)
    return sorted(found, key=lambda each: each.size)


def model_folder(folder: Path, key: str) -> Path:
    """Return the folder of the model of an installed encoder.

    Args:
        folder: Folder of all installed encoders.
        key: Its key.
    """
    return folder / key / MODEL


def write_about(folder: Path, about: InstalledEncoder) -> None:
    """Write the description beside a model.

    Args:
        folder: Folder of the encoder.
        about: The description.
    """
    write_whole(folder / ABOUT, json.dumps(asdict(about), indent=1).encode())


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder.

    Args:
        folder: Any folder.
    """
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def find_encoder(
    installed: Sequence[InstalledEncoder], fingerprint: str
) -> InstalledEncoder | None:
    """Return the installed encoder with a fingerprint, or None.

    Args:
        installed: The installed ones.
        fingerprint: SHA-256 over weights, tokeniser and pooling.

    >>> find_encoder([], "0") is None
    True
    """
    return next((each for each in installed if each.fingerprint == fingerprint), None)
