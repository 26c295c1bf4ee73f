"""Frozen reports: a version that can be cited, with its days, code version and hash; and its links.

The content is the JSON of the report as text. Whoever has the text computes the same hash.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Change, Experiment, FrozenReport, ShareLink
from experiments.selectors.reports import open_link
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.documents.frozen_pages import frozen_pages, page_of
from experiments.services.exploration.chosen_comparison import chosen_comparison
from experiments.services.exploration.report_view import (
    ReportView,
    is_chosen,
    parse_view,
    view_offer,
)
from experiments.services.lifecycle.change_log import Occasion, record
from experiments.services.pictures.looks import LOOKS
from experiments.services.reporting.full_report import FullReport, full_report
from experiments.services.reporting.report_json import report_as_json, view_as_json

LONGEST_LIFE = timedelta(days=365)
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
TOKEN_BYTES = 32
PictureUrl = Callable[[str, str], str]


class CannotShareError(ValueError):
    """A report cannot be frozen, or a link not made; sentences by field, "" for none."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What closes a link: the moment at which it expires, and a password; empty for none."""

    expires_at: datetime
    password: str = ""


@transaction.atomic
def freeze_report(
    *, experiment: Experiment, view: Mapping[str, str], code_version: str, occasion: Occasion
) -> FrozenReport:
    """Keep the report as it is now, with the view that an address chooses.

    Nothing is kept twice: the last version is returned if its author asks for the same again.

    Raises:
        CannotShareError: If the experiment is a draft.
        ViewRefusedError: If the choices of the view make no sense.
    """
    if experiment.status == Experiment.Status.DRAFT:
        raise CannotShareError({"": _("A draft has no report to freeze.")})
    counts = StoredCounts(experiment)
    full = full_report(experiment=experiment, now=occasion.now, counts=counts)
    body = report_as_json(full)
    if is_chosen(view):
        body["view"] = view_as_json(chosen_comparison(view, full.report, counts))
    body["page"] = frozen_pages(full, partial(_read_view, view, full, counts))
    content = canonical_text(body)
    digest = text_digest(content)
    last = FrozenReport.objects.filter(experiment=experiment).first()
    if last is not None and (last.digest, last.note, last.author) == (
        digest,
        occasion.note,
        occasion.author,
    ):
        return last
    days = [row.day for row in full.report.rollups]
    frozen = FrozenReport.objects.create(
        experiment=experiment,
        frozen_at=occasion.now,
        author=occasion.author,
        note=occasion.note,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        visitors=sum(arm.visitors for arm in full.report.arms),
        code_version=code_version,
        digest=digest,
        content=content,
    )
    record(experiment, Change.Kind.FREEZE, _named(occasion, frozen))
    return frozen


def _read_view(
    view: Mapping[str, str], full: FullReport, counts: StoredCounts
) -> ReportView | None:
    return parse_view(view, view_offer(full.report, counts)) if is_chosen(view) else None


def canonical_text(body: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys and without spaces: the same report is the same text."""
    return json.dumps(
        body,
        cls=DjangoJSONEncoder,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def text_digest(content: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


def is_intact(frozen: FrozenReport) -> bool:
    """Return whether the content still has the hash that was cited."""
    return text_digest(frozen.content) == frozen.digest


def frozen_context(frozen: FrozenReport, picture_url: PictureUrl) -> dict[str, Any]:
    """Return what pages show of a frozen report, with the addresses of its pictures.

    `picture_url` takes the name of a picture and its look.
    """
    content = json.loads(frozen.content)
    arms, page = content["arms"], page_of(content)
    pictures = {
        one["name"]: {
            "picture": one,
            **{name.replace("-", "_"): picture_url(one["name"], name) for name in LOOKS},
        }
        for one in (page["pictures"] if page else ())
    }
    return {
        "frozen": frozen,
        "content": content,
        "page": page,
        "pictures": pictures,
        "more_pictures": [shown for name, shown in pictures.items() if name != "lifts"],
        "is_intact": is_intact(frozen),
        "is_rate": bool(arms) and arms[0]["successes"] is not None,
    }


@transaction.atomic
def share_report(*, frozen: FrozenReport, lock: Lock, occasion: Occasion) -> tuple[ShareLink, str]:
    """Return a new link and its secret, which is shown once and never kept.

    Raises:
        CannotShareError: If it would expire before now or after a year, or has a short password.
    """
    faults = {}
    if not occasion.now < lock.expires_at <= occasion.now + LONGEST_LIFE:
        faults["expires"] = _("A link lasts a year at most.")
    if lock.password and not SHORTEST_PASSWORD <= len(lock.password) <= LONGEST_PASSWORD:
        faults["password"] = _("Use %(least)s to %(most)s characters.") % {
            "least": SHORTEST_PASSWORD,
            "most": LONGEST_PASSWORD,
        }
    if faults:
        raise CannotShareError(faults)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = ShareLink.objects.create(
        frozen=frozen,
        # A random secret of 32 bytes needs no slow hash: there is nothing to guess.
        token_digest=text_digest(token),
        password=make_password(lock.password) if lock.password else "",
        created_at=occasion.now,
        author=occasion.author,
        expires_at=lock.expires_at,
    )
    record(frozen.experiment, Change.Kind.SHARE, _named(occasion, frozen))
    return link, token


@transaction.atomic
def revoke_link(*, link: ShareLink, occasion: Occasion) -> bool:
    """Close a link at once; return False if it was revoked before."""
    rows = ShareLink.objects.filter(pk=link.pk, revoked_at__isnull=True)
    if not rows.update(revoked_at=occasion.now):
        return False
    record(link.frozen.experiment, Change.Kind.UNSHARE, _named(occasion, link.frozen))
    return True


def link_of_token(token: str, *, now: datetime) -> ShareLink | None:
    """Return the link that a secret opens; None for one that is unknown, expired or revoked."""
    return open_link(token_digest=text_digest(token), now=now)


def is_password_of(link: ShareLink, password: str) -> bool:
    """Return whether a password opens a link that has one."""
    return len(password) <= LONGEST_PASSWORD and check_password(password, link.password)


def _named(occasion: Occasion, frozen: FrozenReport) -> Occasion:
    return Occasion(
        now=occasion.now,
        author=occasion.author,
        note=frozen.digest[:12],
        server_key=occasion.server_key,
    )
