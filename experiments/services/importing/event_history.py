"""Events of the last weeks from an uploaded file: exposures, clicks and conversions.

They pass the same checks as events from a server, and are counted as these are. The same file
again stores nothing: the ids of its events follow from its rows.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments import formatting
from experiments.models import Site, Upload
from experiments.services.events.ingestion import MAX_EVENTS, accept, keep
from experiments.services.importing.event_reasons import reason_in_words
from experiments.services.importing.previews import (
    Preview,
    Remark,
    Role,
    check_roles,
    opened,
    roles_of,
)
from experiments.services.serving.snapshot import ServedSite, build_snapshot
from tables.dates import DateColumn, DateError
from tables.labels import is_rounded
from tables.source import Row, as_text

LABELS = {
    "type": gettext_lazy("kind"),
    "visitor": gettext_lazy("visitor"),
    "at": gettext_lazy("time"),
    "slot": gettext_lazy("slot"),
    "variant": gettext_lazy("arm"),
    "experiment": gettext_lazy("experiment"),
    "goal": gettext_lazy("goal"),
    "value": gettext_lazy("value"),
    "currency": gettext_lazy("currency"),
    "order": gettext_lazy("order number"),
    "id": gettext_lazy("ID of the event"),
}
_NEEDED = ("type", "visitor", "at")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "type": ("type", "event", "evenement", "kind"),
    "visitor": ("visitor", "visitor_id", "visiteur", "id_visiteur", "user_id", "targetingkey"),
    "at": ("at", "time", "timestamp", "date", "heure", "horodatage", "occurred_at"),
    "slot": ("slot", "emplacement"),
    "variant": ("variant", "variante", "arm"),
    "experiment": ("experiment", "experience"),
    "goal": ("goal", "objectif"),
    "value": ("value", "valeur", "montant", "amount", "revenue", "ca"),
    "currency": ("currency", "devise"),
    "order": (
        *("order", "order_id", "order_number", "transaction_id"),
        *("commande", "numero_de_commande", "no_commande"),
    ),
    "id": ("id", "event_id", "uuid"),
}
_TYPES = {
    **dict.fromkeys(("exposure", "exposition", "view", "vue", "impression"), "exposure"),
    **dict.fromkeys(("click", "clic"), "click"),
    **dict.fromkeys(("conversion", "achat", "purchase"), "conversion"),
}
_CLOCK = re.compile(r"\s(\d{1,2})[:h](\d{2})(?::(\d{2}))?$")
_ANY_CLOCK = re.compile(r"\d\s?[:h]|[ap]\.?m\.?$", re.IGNORECASE)


def preview_events(path: Path, options: Mapping[str, Any], *, site: Site) -> Preview:
    """Return what an import of events would store.

    Raises:
        TableError: If the file cannot be read as a table.
        LookupError: If the encoding does not exist.
    """
    table = opened(
        path, options, is_header=lambda columns: set(_NEEDED) <= set(map(_role_of, columns))
    )
    chosen, _is_chosen = roles_of(table, options, [_role_of(name) for name in table.columns])
    roles = tuple(
        Role(key=key, label=str(label), is_needed=key in _NEEDED) for key, label in LABELS.items()
    )
    preview = Preview(table=table, roles=roles, chosen=chosen, is_whole=False)
    check_roles(preview)
    if not preview.faults:
        _count(preview, site)
    return preview


def import_events(upload: Upload, path: Path, progress: Callable[[float], None]) -> dict[str, Any]:
    """Import the events of an upload, a batch a transaction; return their counts.

    Raises:
        store.NotTakenError: If the database cannot take them now; the same file later stores
            the rest.
    """
    preview = preview_events(path, upload.options, site=upload.site)
    served = _served(upload.site)
    counts: Counter[str] = Counter()
    done = 0
    for batch in _batches(preview, upload.site):
        accepted = accept(site=served, items=[item for _line, item in batch], now=timezone.now())
        receipt = keep(accepted)
        counts["created"] += receipt.accepted
        counts["unchanged"] += receipt.duplicates
        counts["refused"] += len(receipt.rejected)
        done += len(batch)
        progress(done / max(preview.n_good + preview.n_refused, done))
    counts["refused"] += preview.n_refused - counts["refused"]
    return {name: counts[name] for name in ("created", "unchanged", "refused")}


def result_in_words(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the counts of an import, as labels and values."""
    labels = (
        (_("New events"), "created"),
        (_("Known already"), "unchanged"),
        (_("Lines refused"), "refused"),
    )
    return [(label, formatting.count(result[key])) for label, key in labels]


def _count(preview: Preview, site: Site) -> None:
    served, now = _served(site), timezone.now()
    kinds: Counter[str] = Counter()
    visitors: set[str] = set()
    moments: list[datetime] = []
    for batch in _batches(preview, site, remark=preview.add):
        accepted = accept(site=served, items=[item for _line, item in batch], now=now)
        for one in accepted.rejected:
            text = reason_in_words(one.reason, labels=LABELS)
            preview.add(Remark(line=batch[one.index][0], text=text))
        rejected = {one.index for one in accepted.rejected}
        for at, (_line, item) in enumerate(batch):
            if at not in rejected:
                kinds[item["type"]] += 1
                visitors.add(item["visitor"])
                moments.append(item["at"])
    preview.n_good = sum(kinds.values())
    preview.facts += [
        (_("Exposures"), formatting.count(kinds["exposure"])),
        (_("Clicks"), formatting.count(kinds["click"])),
        (_("Conversions"), formatting.count(kinds["conversion"])),
        (_("Visitors"), formatting.count(len(visitors))),
    ]
    if moments:
        first, last = (_moment(one, site.zone) for one in (min(moments), max(moments)))
        preview.facts.append((_("From"), first))
        preview.facts.append((_("Until"), last))


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return str(date_format(moment.astimezone(zone), "SHORT_DATETIME_FORMAT"))


def _served(site: Site) -> ServedSite:
    return build_snapshot(revision=0, now=timezone.now()).client_keys[site.client_key]


def _batches(
    preview: Preview, site: Site, *, remark: Callable[[Remark], None] = lambda _: None
) -> Iterator[Sequence[tuple[int, dict[str, Any]]]]:
    """Yield the events of the rows that can be read, with their lines."""
    days = DateColumn()
    places = {role: at for at, role in enumerate(preview.chosen) if role}
    for row in preview.table.rows():
        if len(row.cells) > places["at"] and isinstance(cell := row.cells[places["at"]], str):
            days.learn([_CLOCK.sub("", cell.strip())])
    seen: Counter[bytes] = Counter()
    batch = []
    for row in preview.table.rows():
        try:
            message = _message(row, preview, days, site.zone)
            batch.append((row.line, _id(row, site, seen) | message))
        except ValueError as error:
            remark(Remark(line=row.line, text=str(error)))
        if len(batch) == MAX_EVENTS:
            yield batch
            batch = []
    if batch:
        yield batch


def _message(row: Row, preview: Preview, days: DateColumn, zone: ZoneInfo) -> dict[str, Any]:
    if row.problem or len(row.cells) != len(preview.chosen):
        raise ValueError(_("has another number of cells than the header"))
    cells = {role: cell for role, cell in zip(preview.chosen, row.cells, strict=True) if role}
    values = {role: text for role, cell in cells.items() if (text := as_text(cell))}
    kind = _TYPES.get(_plain(values.get("type", "")))
    if kind is None:
        text = _("“%(value)s” is neither exposure, click nor conversion")
        raise ValueError(text % {"value": values.get("type", "")[:40]})
    for role in ("visitor", "order"):
        if is_rounded(cells.get(role)):
            text = _("“%(value)s” was rounded by a spreadsheet: export such numbers as text")
            raise ValueError(text % {"value": values[role]})
    moment = cells["at"]
    at = moment if isinstance(moment, datetime) else _time_of(values.get("at", ""), days)
    names = ("goal", "value", "currency", "order") if kind == "conversion" else ("slot", "variant")
    optional = ("experiment",) if kind != "conversion" else ()
    kept: dict[str, Any] = {name: values[name] for name in (*names, *optional) if name in values}
    if isinstance(cells.get("value"), int | float) and "value" in kept:
        # A number of a workbook has one reading.
        kept["value"] = cells["value"]
    message = {"type": kind, "visitor": values.get("visitor", ""), **kept}
    if "id" in values:
        message["id"] = values["id"]
    return message | {"at": at if at.tzinfo else at.replace(tzinfo=zone)}


def _time_of(text: str, days: DateColumn) -> datetime:
    """Return the moment that a cell names; without a zone unless it names one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        clock = _CLOCK.search(text)
    # A day is read whatever stands behind it: a time in another form would become midnight.
    if clock is None and _ANY_CLOCK.search(text):
        raise ValueError(_("“%(value)s” is not a time") % {"value": text[:40]})
    try:
        day = days.read(_CLOCK.sub("", text))
        hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
        return datetime.combine(day, time(hour, minute, second))
    except DateError as error:
        problem = _("“%(value)s” is not a time")
        if error.problem == "ambiguous_date":
            problem = _("“%(value)s” may be two dates: write it as YYYY-MM-DD")
        raise ValueError(problem % {"value": text[:40]}) from None


def _id(row: Row, site: Site, seen: Counter[bytes]) -> dict[str, Any]:
    """Return the id of a row's event, which is the same whenever the file is imported."""
    content = "\x1f".join([str(site.pk), *map(as_text, row.cells)]).encode()
    digest = hashlib.sha256(content).digest()
    # Two equal rows are two events.
    seen[digest] += 1
    numbered = hashlib.sha256(digest + str(seen[digest]).encode()).digest()
    return {"id": str(UUID(bytes=numbered[:16], version=4))}


def _role_of(name: str) -> str:
    key = _plain(name)
    return next((role for role, names in _NAMES.items() if key in names), "")


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", name.strip().casefold())
    letters = "".join(mark for mark in text if not unicodedata.combining(mark))
    return "_".join(letters.replace("-", " ").replace("_", " ").split())
