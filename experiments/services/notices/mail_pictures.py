"""Pictures of lifts in mails: PNG images that the mail itself carries, with the same in words."""

import logging
from dataclasses import dataclass
from datetime import datetime
from email.mime.image import MIMEImage

from django.core.cache import cache
from django.utils.translation import get_language

from experiments.formatting import signed_interval, signed_percent
from experiments.selectors import reports
from experiments.services.documents.drawn.picture import Picture
from experiments.services.documents.drawn.report_pictures import lift_forest
from experiments.services.pictures.days import Row
from experiments.services.pictures.looks import NARROW, Look
from experiments.services.pictures.rendering import draw_png
from experiments.services.reporting.full_report import full_report

logger = logging.getLogger(__name__)

# Readers of a mail on a phone see this width in full; mails have a light ground.
LOOK = Look(width=NARROW)
KEPT_S = 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPicture:
    """A picture of a mail: its name there, what it shows, and the same in words."""

    content_id: str
    title: str
    words: str
    lines: tuple[str, ...]
    png: bytes

    @property
    def width(self) -> int:
        return NARROW

    def as_part(self) -> MIMEImage:
        """Return the part of the mail that its HTML names by `cid:`."""
        part = MIMEImage(self.png, _subtype="png")
        part.add_header("Content-ID", f"<{self.content_id}>")
        part.add_header("Content-Disposition", "inline", filename="lifts.png")
        return part


def picture_of_lifts(experiment_pk: int, *, now: datetime) -> MailPicture | None:
    """Return the lifts of an experiment in the active language; belongs in a worker.

    None without a lift, where the data cannot be trusted, and if drawing fails: the mail is sent
    all the same, and the log has the reason.
    """
    try:
        return _picture(experiment_pk, now)
    except Exception:
        logger.exception("no picture of experiment %s in a mail", experiment_pk)
        return None


def _picture(experiment_pk: int, now: datetime) -> MailPicture | None:
    experiment = reports.experiments_for_report().filter(pk=experiment_pk).first()
    if experiment is None or experiment.started_at is None:
        return None
    full = full_report(experiment=experiment, now=now)
    picture = lift_forest(full.report) if full.is_trusted else None
    if picture is None:
        return None
    return MailPicture(
        content_id=f"lifts-{experiment_pk}@ctaopt",
        title=picture.title,
        words=picture.words,
        lines=tuple(_line(row) for row in picture.rows if row["value"] is not None),
        png=_png(picture, get_language() or "en"),
    )


def _line(row: Row) -> str:
    """Return the name of an arm with its lift, and the interval where it has one."""
    ends = (row["low"], row["high"])
    said = f"{row['name']}: {signed_percent(row['value'])}"
    return said if None in ends else f"{said} ({signed_interval(ends)})"


def _png(picture: Picture, language: str) -> bytes:
    """Return the image, drawn once for all readers of a language."""
    key = f"mail-picture:{picture.digest}:{language}"
    kept: bytes | None = cache.get(key)
    if kept is not None:
        return kept
    data = picture.as_json()
    png = draw_png(
        data["kind"], data["rows"], look=LOOK, language=language, options=data["options"]
    )
    cache.set(key, png, KEPT_S)
    return png
