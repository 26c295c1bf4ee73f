"""Encoders of this installation: what there is, which predictor needs it, installing, removing.

Everything heavy is imported inside the functions that need it: a page may list encoders.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml.application.predictor_loading import (
    PACKAGED,
    PredictorError,
    encoder_dir,
    expected_failures,
    installed_encoders,
    model_dir,
)
from ml.encoders.catalogue import KNOWN, KnownEncoder
from ml.encoders.installed import InstallationPlan, InstalledEncoder, find_encoder
from ml.models import PredictorVersion

Status = PredictorVersion.Status
# Called with the fraction done in [0, 1].
FractionProgress = Callable[[float], None]
# Keys of the encoders that can be installed.
INSTALLABLE = tuple(key for key, known in KNOWN.items() if known.packages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEncoder:
    """An encoder with the predictors that need it.

    Args:
        about: The encoder; the fingerprint of the packaged one is empty.
        is_packaged: True if it comes with the product.
        predictors: Numbers of the predictors that need it, active or retired; the last first.
        active: Number of the active predictor if it needs this encoder.
    """

    about: InstalledEncoder
    is_packaged: bool
    predictors: tuple[int, ...]
    active: int | None


def list_encoders() -> list[ListedEncoder]:
    """Return the packaged encoder and the installed ones, with the predictors that need them."""
    packaged = InstalledEncoder(
        key=PACKAGED.key,
        title=PACKAGED.title,
        source="packages",
        licence=PACKAGED.licence,
        languages=PACKAGED.languages,
        size=PACKAGED.size,
        fingerprint="",
    )
    installed = installed_encoders()
    used: dict[str, list[PredictorVersion]] = {}
    for version in PredictorVersion.objects.exclude(status=Status.REJECTED).order_by("-number"):
        encoder = version.training_record["configuration"]["encoder"]
        found = find_encoder(installed, encoder["fingerprint"])
        is_packaged = encoder["name"] == PACKAGED.title
        if found or is_packaged:
            used.setdefault(found.key if found else PACKAGED.key, []).append(version)
    return [_listed(packaged, used), *(_listed(each, used) for each in installed)]


def _listed(about: InstalledEncoder, used: dict[str, list[PredictorVersion]]) -> ListedEncoder:
    versions: Sequence[PredictorVersion] = used.get(about.key, ())
    active = (version.number for version in versions if version.status == Status.ACTIVE)
    return ListedEncoder(
        about=about,
        is_packaged=about.key == PACKAGED.key,
        predictors=tuple(version.number for version in versions),
        active=next(active, None),
    )


def absent_encoders() -> list[KnownEncoder]:
    """Return the encoders of the catalogue that are not installed."""
    here = {each.key for each in installed_encoders()}
    return [KNOWN[key] for key in INSTALLABLE if key not in here]


def plan_encoder(name: str) -> InstallationPlan:
    """Return what would be installed under a name: source, size, licence.

    Args:
        name: Key of the catalogue, `owner/name` on the hub, or path of a folder.

    Raises:
        PredictorError: If the encoder is unknown, or the hub cannot be reached.
    """
    from ml.encoders.installation import plan_installation

    if name == PACKAGED.key:
        raise PredictorError("encoder_packaged", {"encoder": name})
    with expected_failures():
        return plan_installation(name)


def install_encoder(
    plan: InstallationPlan, *, progress: FractionProgress = lambda _fraction: None
) -> InstalledEncoder:
    """Install an encoder, whole or not at all.

    Args:
        plan: From `plan_encoder`.
        progress: Told the fraction done.

    Raises:
        PredictorError: If it cannot be fetched, is damaged or no model; nothing is kept then.
    """
    from ml.encoders.installation import install

    with expected_failures():
        return install(plan, encoder_dir(), progress=progress)


def remove_encoder(key: str) -> None:
    """Delete an installed encoder and its cached vectors.

    Args:
        key: Its key.

    Raises:
        PredictorError: If it is not installed, comes with the product, or the active predictor
            needs it.
    """
    from ml.encoders.cache import forget_vectors
    from ml.encoders.installation import remove

    listed = next((each for each in list_encoders() if each.about.key == key), None)
    if listed and listed.is_packaged:
        raise PredictorError("encoder_packaged", {"encoder": key})
    if listed and listed.active:
        raise PredictorError("encoder_needed", {"encoder": key, "predictor": listed.active})
    with expected_failures():
        remove(encoder_dir(), key)
        if listed:
            forget_vectors(model_dir() / "cache", listed.about.fingerprint)


def encoder_fields(about: InstalledEncoder) -> dict[str, Any]:
    """Return the description of an encoder as it is printed as JSON.

    Args:
        about: The description.
    """
    return asdict(about)
