"""Models on the Hugging Face hub: asked only when the operator names one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

from ml.errors import EncoderError
from ml.files import file_sha256
from ml.progress import Progress

WEIGHTS_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repository.

    Args:
        name: Its path.
        size: Bytes.
        sha256: Its checksum as the hub states it; empty for small files.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A repository at one commit.

    Args:
        revision: The commit.
        licence: Licence in its card; empty if unknown.
        languages: Languages in its card.
        files: Files that an encoder reads.
    """

    revision: str
    licence: str
    languages: tuple[str, ...]
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.size for file in self.files)


def describe(name: str, kept: re.Pattern[str]) -> HubModel:
    """Return what the hub knows of a model.

    Args:
        name: `owner/name`.
        kept: Pattern of the files that are read.

    Raises:
        EncoderError: If the hub cannot be reached, or has no such model with safetensors.
    """
    return _describe(name, None, kept)


def fetch(
    name: str, revision: str, folder: Path, *, kept: re.Pattern[str], progress: Progress
) -> None:
    """Download the files of a model and check those whose checksum the hub states.

    Args:
        name: `owner/name`.
        revision: Commit that was shown.
        folder: Existing folder.
        kept: Pattern of the files that are read.
        progress: Called with the fraction of the bytes fetched.

    Raises:
        EncoderError: If the hub cannot be reached, or a checksum differs.
    """
    model, done = _describe(name, revision, kept), 0
    for file in model.files:
        try:
            hf_hub_download(name, file.name, revision=revision, local_dir=folder)
        except Exception as error:
            raise EncoderError(f"encoder {name!r}: {_reason(error)}") from error
        if file.sha256 and file_sha256(folder / file.name) != file.sha256:
            raise EncoderError(f"encoder {name!r}: {file.name} has another checksum than stated")
        done += file.size
        progress(done / max(1, model.size))


def _describe(name: str, revision: str | None, kept: re.Pattern[str]) -> HubModel:
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True)
    except Exception as error:
        raise EncoderError(f"encoder {name!r}: {_reason(error)}") from error
    card: dict[str, object] = vars(info.card_data) if info.card_data else {}
    files = tuple(
        HubFile(
            name=each.rfilename,
            size=each.size or 0,
            sha256=each.lfs.sha256 if each.lfs else "",
        )
        for each in info.siblings or ()
        if kept.fullmatch(each.rfilename)
    )
    if not any(file.name.endswith(WEIGHTS_SUFFIX) for file in files):
        raise EncoderError(f"encoder {name!r}: the hub has no safetensors weights of it")
    return HubModel(
        revision=info.sha or "",
        licence=str(card.get("license") or ""),
        languages=tuple(_texts(card.get("language"))),
        files=files,
    )


def _texts(value: object) -> Iterable[str]:
    return [value] if isinstance(value, str) else map(str, value) if isinstance(value, list) else ()


def _reason(error: Exception) -> str:
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        known = {401: "it does not exist or is private", 404: "the hub does not have it"}
        return known.get(status, f"the hub answered {status}")
    if isinstance(error, HFValidationError):
        return "this is no owner/name of a hub"
    if isinstance(error, OfflineModeIsEnabled):
        return "the hub is turned off here (HF_HUB_OFFLINE)"
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"the hub cannot be reached ({said[:120]})"
