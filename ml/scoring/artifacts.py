"""Trained predictor on disk: arrays, JSON and a model card, verified when loaded."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ml.distillation.student import Student
from ml.errors import ArtifactError
from ml.files import file_sha256
from ml.scoring.applicability import Domain
from ml.scoring.calibration import Calibration
from ml.scoring.context import Factor
from ml.scoring.context_offsets import ContextOffset
from ml.scoring.manifest import FORMAT, CalibrationRecord, Manifest, StoredManifest
from ml.scoring.similar_wordings import PastWording
from ml.strategies.base import Parts
from ml.tensors import below

# Names inside stored predictors; never rename.
MANIFEST, CARD = "manifest.json", "MODEL_CARD.md"
TENSORS, WORDS, PAST, DOMAIN = "tensors.safetensors", "words.json", "past.json", "domain.json"
DEPARTURES = "departures.json"
PAST_VECTORS, STRATEGY_PREFIX, DEPARTURE_PREFIX = "past.vectors", "strategy.", "departure."
STUDENT, STUDENT_TENSORS = "student.json", "student.safetensors"
STUDENT_WEIGHTS = (
    *("vectors", "reads", "reads_bias", "own", "own_pieces", "attention"),
    *("hidden", "hidden_bias", "out"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Everything that scoring needs.

    Args:
        strategy: Key of the strategy.
        parts: Stored state of the strategy.
        calibration: Mapping from score differences to probability and lift.
        domain: Extent of the training history.
        past: Past wordings with results.
        past_vectors: Their unit vectors, float16 (n, d); None if the strategy recomputes them.
        manifest: Record of the training.
        offsets: Context offsets of the factors for which they improved held-out predictions.
        student: Student for very many wordings; None with too few training texts. Written
            here, read by `load_student`.
        files: Further files by name, such as the int8 copy of the encoder; written, not read.
    """

    strategy: str
    parts: Parts
    calibration: Calibration
    domain: Domain
    past: tuple[PastWording, ...]
    past_vectors: NDArray[np.float16] | None
    manifest: Manifest
    offsets: Mapping[Factor, ContextOffset] = field(default_factory=dict)
    student: Student | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


def publish_artifact(artifact: Artifact, *, folder: Path, card: str) -> StoredManifest:
    """Write a predictor into a new folder, atomically.

    Args:
        artifact: The predictor; its manifest gets format, strategy, calibration and checksums.
        folder: New folder; its parent is created if absent.
        card: Model card in Markdown.

    Returns:
        The manifest as written.

    Raises:
        FileExistsError: If the folder exists.
        OSError: If the disk cannot be written.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        manifest = _write_draft(artifact, draft, card)
        # Readable by the other processes of the service, which may run as other users.
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def verify_artifact(folder: Path) -> StoredManifest:
    """Check every file of a stored predictor against its manifest.

    Args:
        folder: A published folder.

    Returns:
        The manifest.

    Raises:
        ArtifactError: If a file is missing or damaged, or the format differs.

    >>> verify_artifact(Path("/nowhere"))
    Traceback (most recent call last):
    ...
    ml.errors.ArtifactError: /nowhere/manifest.json: No such file or directory
    """
    manifest = _read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtifactError(f"{folder / MANIFEST}: not a predictor of format {FORMAT}")
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise ArtifactError(f"{path}: the file is missing")
        if file_sha256(path) != expected:
            raise ArtifactError(f"{path}: the file is damaged (its checksum is not the recorded)")
    # Written by this program, as the checksums of its files confirm.
    return cast("StoredManifest", manifest)


def load_artifact(folder: Path) -> Artifact:
    """Load a stored predictor after checking every file.

    Args:
        folder: A published folder.

    Raises:
        ArtifactError: If a file is missing or damaged, or the format differs.

    >>> load_artifact(Path("/nowhere"))
    Traceback (most recent call last):
    ...
    ml.errors.ArtifactError: /nowhere/manifest.json: No such file or directory
    """
    manifest = verify_artifact(folder)
    tensors = _read_tensors(folder / TENSORS)
    domain = _read_json(folder / DOMAIN)
    return Artifact(
        strategy=manifest["strategy"],
        parts=Parts(
            tensors=below(STRATEGY_PREFIX, tensors),
            words=_read_json(folder / WORDS),
        ),
        calibration=Calibration(**manifest["calibration"]),
        domain=Domain(**(domain | {"words": frozenset(domain["words"])})),
        past=tuple(PastWording(**past) for past in _read_json(folder / PAST)),
        past_vectors=tensors.get(PAST_VECTORS),
        manifest=manifest,
        offsets=_read_offsets(folder, tensors) if DEPARTURES in manifest["files"] else {},
    )


def load_student(folder: Path) -> Student | None:
    """Load the student of a stored predictor after checking every file; None if it has none.

    Args:
        folder: A published folder.

    Raises:
        ArtifactError: If a file is missing or damaged, or the format differs.
    """
    files = verify_artifact(folder)["files"]
    if STUDENT_TENSORS not in files:
        return None
    settings, tensors = _read_json(folder / STUDENT), _read_tensors(folder / STUDENT_TENSORS)
    return Student(
        **{name: tensors[name] for name in STUDENT_WEIGHTS},
        tokenizer=settings["tokenizer"],
        words=frozenset(settings["words"]),
        fidelity=settings["fidelity"],
    )


def _read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ArtifactError(f"{path}: {error}") from error


def _read_offsets(folder: Path, tensors: Mapping[str, NDArray[Any]]) -> dict[Factor, ContextOffset]:
    return {
        factor: ContextOffset(
            **(words | {"levels": tuple(words["levels"]), "groups": tuple(words["groups"])}),
            plain=tensors[f"{DEPARTURE_PREFIX}{factor}.plain"],
            vectors=tensors[f"{DEPARTURE_PREFIX}{factor}.vectors"],
        )
        for factor, words in _read_json(folder / DEPARTURES).items()
    }


def _write_draft(artifact: Artifact, draft: Path, card: str) -> StoredManifest:
    tensors = {
        STRATEGY_PREFIX + name: np.ascontiguousarray(values)
        for name, values in artifact.parts.tensors.items()
    }
    if artifact.past_vectors is not None:
        tensors[PAST_VECTORS] = np.ascontiguousarray(artifact.past_vectors)
    for factor, offset in artifact.offsets.items():
        tensors[f"{DEPARTURE_PREFIX}{factor}.plain"] = np.ascontiguousarray(offset.plain)
        tensors[f"{DEPARTURE_PREFIX}{factor}.vectors"] = np.ascontiguousarray(offset.vectors)
    if artifact.student is not None:
        _write_student(artifact.student, draft)
    (draft / TENSORS).write_bytes(save(tensors))
    if artifact.offsets:
        _write_json(draft / DEPARTURES, _offset_words(artifact.offsets))
    _write_json(draft / WORDS, dict(artifact.parts.words))
    _write_json(draft / PAST, [asdict(past) for past in artifact.past])
    domain = asdict(artifact.domain) | {"words": sorted(artifact.domain.words)}
    _write_json(draft / DOMAIN, domain)
    for name, content in artifact.files.items():
        (draft / name).write_bytes(content)
    (draft / CARD).write_text(card, encoding="utf-8")
    manifest: StoredManifest = {
        **artifact.manifest,
        "format": FORMAT,
        "strategy": artifact.strategy,
        "calibration": cast("CalibrationRecord", asdict(artifact.calibration)),
        "files": {path.name: file_sha256(path) for path in sorted(draft.iterdir())},
    }
    _write_json(draft / MANIFEST, manifest)
    return manifest


def _write_student(student: Student, draft: Path) -> None:
    tensors = {name: np.ascontiguousarray(getattr(student, name)) for name in STUDENT_WEIGHTS}
    (draft / STUDENT_TENSORS).write_bytes(save(tensors))
    settings = {
        "fidelity": student.fidelity,
        "words": sorted(student.words),
        "tokenizer": student.tokenizer,
    }
    _write_json(draft / STUDENT, settings)


def _offset_words(offsets: Mapping[Factor, ContextOffset]) -> dict[str, Any]:
    """Return the JSON-able fields of the offsets."""
    return {
        factor: {
            name: value
            for name, value in asdict(offset).items()
            if name not in ("plain", "vectors")
        }
        for factor, offset in offsets.items()
    }


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: the file is damaged (not JSON)") from error
