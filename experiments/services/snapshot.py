"""The configuration compiled for serving: read from the database once, then only from memory."""

import logging
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import Error, close_old_connections, connection

from experiments import selectors
from experiments.assignment import Allocation, NamespaceFilter, compile_allocation
from experiments.legibility import LEAST_CONTRAST, contrast_ratio, text_direction
from experiments.models import CTA, Experiment, Site, Variant
from experiments.phases import compile_phases, propensities
from experiments.services.catalogue import server_key_digest
from experiments.services.messages import MAX_AGE
from experiments.services.quality import InternalTraffic, internal_traffic

logger = logging.getLogger(__name__)

# Published in the README: they open nothing but the demo.
DEMO_KEYS = frozenset({"demo-client-key", "demo-server-key"})

# Between two looks that clients ask for.
SHORTEST_AGE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVariant:
    pk: int
    key: str
    arm: int
    values: Mapping[str, Mapping[str, Any]]
    propensity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPhase:
    """A stretch of time with the same shares; `propensities` by arm."""

    number: int
    started_at: datetime
    propensities: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedExperiment:
    """`phases` in order; one only where neither shares nor coverage have changed.

    `remembered`: when an id's arm was looked up, and which it was.
    """

    pk: int
    key: str
    name: str
    is_running: bool
    started_at: datetime
    stopped_at: datetime | None
    condition: dict[str, Any]
    allocation: Allocation
    variants: tuple[ServedVariant, ...]
    phases: tuple[ServedPhase, ...]
    remembered: dict[tuple[str, ...], tuple[float, int | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def variant(self, key: str) -> ServedVariant | None:
        return next((variant for variant in self.variants if variant.key == key), None)

    def phase_at(self, moment: datetime) -> ServedPhase:
        """Return the phase of a moment; the first one for any before it."""
        begun = [phase for phase in self.phases if phase.started_at <= moment]
        return begun[-1] if begun else self.phases[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSlot:
    """`evaluations`: the answers given so far, by arm and language."""

    key: str
    default_values: Mapping[str, Mapping[str, Any]]
    experiments: tuple[ServedExperiment, ...]
    evaluations: dict[tuple[int, str], Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSite:
    pk: int
    key: str
    client_key: str
    default_locale: str
    allowed_origins: frozenset[str]
    internal: InternalTraffic
    former_id_attribute: str
    slots: Mapping[str, ServedSlot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that serving and ingestion need to know, at one revision."""

    revision: int
    client_keys: Mapping[str, ServedSite]
    server_key_digests: Mapping[str, ServedSite]


class SnapshotStore:
    """Hands out the newest snapshot; looks at the revision at most once in `max_age_s`.

    With `in_background` a thread looks, from the first request on, and no request waits for it;
    should it be late, requests look themselves, as they do without it.
    """

    def __init__(self, *, max_age_s: float, in_background: bool = False) -> None:
        self._max_age_s = max_age_s
        self._in_background = in_background
        self._patience_s = 2 * max_age_s if in_background else max_age_s
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._checked_at = float("-inf")
        self._closed = threading.Event()

    def current(self) -> Snapshot:
        """Return a snapshot: an old one rather than none while the database is silent.

        Raises:
            django.db.Error: If the database cannot be read and never could.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return self._first()
        if monotonic() - self._checked_at < self._patience_s:
            return snapshot
        # While one thread looks at the revision, the others go on with what they have.
        if not self._lock.acquire(blocking=False):
            return snapshot
        try:
            return self._looked(snapshot)
        finally:
            self._lock.release()

    def at_least(self, revision: int) -> Snapshot:
        """Return a snapshot of this revision or a later one, if there is one by now.

        Somebody was told of the revision before this process looked. Looks at most ten times
        a second, whatever number a stranger may name.
        """
        snapshot = self.current()
        if snapshot.revision >= revision or monotonic() - self._checked_at < SHORTEST_AGE_S:
            return snapshot
        with self._lock:
            if monotonic() - self._checked_at < SHORTEST_AGE_S:
                return self._snapshot or snapshot
            return self._looked(snapshot)

    def close(self) -> None:
        """End the thread in the background, if there is one."""
        self._closed.set()

    def _first(self) -> Snapshot:
        with self._lock:
            if self._snapshot is not None:
                return self._snapshot
            try:
                snapshot = self._refreshed()
            finally:
                close_old_connections()
            # Not before: a process that forks after its start would leave the thread behind.
            if self._in_background:
                threading.Thread(target=self._keep_looking, name="snapshot", daemon=True).start()
            return snapshot

    def _keep_looking(self) -> None:
        try:
            while not self._closed.wait(self._max_age_s):
                with self._lock:
                    if self._snapshot is not None:
                        self._looked(self._snapshot)
        finally:
            connection.close()  # This thread's own.

    def _looked(self, snapshot: Snapshot) -> Snapshot:
        try:
            return self._refreshed()
        except Error:
            logger.exception("Serving revision %s: the database is silent.", snapshot.revision)
            return snapshot
        finally:
            close_old_connections()

    def _refreshed(self) -> Snapshot:
        # First of all: a silent database is asked once in `max_age_s` too.
        self._checked_at = monotonic()
        revision = selectors.config_revision()
        if self._snapshot is None or self._snapshot.revision != revision:
            self._snapshot = build_snapshot(revision=revision, now=datetime.now(UTC))
        return self._snapshot


def build_snapshot(*, revision: int, now: datetime) -> Snapshot:
    """Read the whole configuration in a fixed number of queries.

    What refers to a row is read before it, or with it, so that a write in between leaves
    nothing dangling; the revision it moved then asks for the next snapshot.
    """
    experiments: dict[int, list[ServedExperiment]] = {}
    for row in selectors.experiments_to_serve(stopped_since=now - MAX_AGE):
        try:
            experiments.setdefault(row.slot_id, []).append(_served_experiment(row))
        except ValueError:  # One broken experiment must not cost every other slot.
            logger.exception("Experiment %s cannot be served.", row.key)
    slots: dict[int, dict[str, ServedSlot]] = {}
    for slot in selectors.slots_to_serve():
        slots.setdefault(slot.site_id, {})[slot.key] = ServedSlot(
            key=slot.key,
            default_values=cta_values(slot.default_cta),
            experiments=tuple(experiments.get(slot.pk, ())),
        )
    keys = list(selectors.valid_server_keys())
    rows = list(selectors.sites_to_serve())
    sites = {site.pk: _served_site(site, slots.get(site.pk, {})) for site in rows}
    client_keys = {site.client_key: sites[site.pk] for site in rows}
    digests = {key.digest: sites[key.site_id] for key in keys if key.site_id in sites}
    return Snapshot(
        revision=revision,
        client_keys=_without(refused_keys(), client_keys),
        server_key_digests=_without({server_key_digest(key) for key in refused_keys()}, digests),
    )


def refused_keys() -> frozenset[str]:
    """Return the keys that open nothing here: the published ones, outside the demo."""
    return frozenset() if settings.CTAOPT_DEMO else DEMO_KEYS


def cta_values(cta: CTA) -> dict[str, dict[str, Any]]:
    """Return the CTA as clients get it, by locale.

    Colours that nobody can read are left to the page: the admin refuses them, old rows may
    still have them.
    """
    is_legible = contrast_ratio(cta.background_color, cta.text_color) >= LEAST_CONTRAST
    style = {
        "background_color": cta.background_color if is_legible else "",
        "text_color": cta.text_color if is_legible else "",
        "size": cta.size,
        "icon": cta.icon,
    }
    return {
        wording.locale: {
            "text": wording.text,
            "href": cta.destination,
            "form": cta.form,
            "locale": wording.locale,
            "dir": text_direction(wording.locale),
            "style": style,
        }
        for wording in cta.wordings.all()
    }


def _without(refused: AbstractSet[str], sites: dict[str, ServedSite]) -> dict[str, ServedSite]:
    return {key: site for key, site in sites.items() if key not in refused}


def _served_site(site: Site, slots: dict[str, ServedSlot]) -> ServedSite:
    return ServedSite(
        pk=site.pk,
        key=site.key,
        client_key=site.client_key,
        default_locale=site.default_locale,
        allowed_origins=frozenset(site.allowed_origins),
        internal=internal_traffic(networks=site.internal_networks, visitors=site.internal_visitors),
        former_id_attribute=site.former_id_attribute,
        slots=slots,
    )


def _served_experiment(row: Experiment) -> ServedExperiment:
    variants = list(row.variants.all())
    return ServedExperiment(
        pk=row.pk,
        key=row.key,
        name=row.name,
        is_running=row.status == Experiment.Status.RUNNING,
        started_at=_started_at(row),
        stopped_at=row.stopped_at,
        condition=row.audience.condition if row.audience else {},
        allocation=_allocation(row, [float(variant.share) for variant in variants]),
        variants=tuple(
            ServedVariant(
                pk=variant.pk,
                key=variant.key,
                arm=variant.arm,
                values=cta_values(variant.cta),
                propensity=float(variant.share),
            )
            for variant in variants
        ),
        phases=_phases(row, variants),
    )


def _allocation(row: Experiment, shares: list[float]) -> Allocation:
    coverage, filters = float(row.coverage), _filters(row)
    history = [phase.slices for phase in row.phases.all()]
    if not history:
        return compile_allocation(
            seed=row.assignment_seed, shares=shares, coverage=coverage, filters=filters
        )
    return compile_phases(
        seed=row.assignment_seed,
        history=history,
        n_arms=len(shares),
        coverage=coverage,
        filters=filters,
    )


def _phases(row: Experiment, variants: Sequence[Variant]) -> tuple[ServedPhase, ...]:
    phases = tuple(
        ServedPhase(
            number=phase.number,
            started_at=phase.started_at,
            propensities=propensities(phase.slices, len(variants)),
        )
        for phase in row.phases.all()
    )
    shares = tuple(float(variant.share) for variant in variants)
    return phases or (ServedPhase(number=0, started_at=_started_at(row), propensities=shares),)


def _started_at(row: Experiment) -> datetime:
    if row.started_at is None:  # The database forbids it: experiment_started_unless_draft.
        raise ValueError(f"experiment {row.key} is {row.status} without a start")
    return row.started_at


def _filters(row: Experiment) -> list[NamespaceFilter]:
    """Return what keeps visitors out: the site's holdout, then the namespace."""
    site, space = row.slot.site, row.namespace
    filters = []
    if site.holdout:
        rest = (float(site.holdout), 1.0)
        filters.append(NamespaceFilter(seed=site.assigned_holdout_seed, ranges=(rest,)))
    if space is not None and row.namespace_start is not None and row.namespace_end is not None:
        part = (float(row.namespace_start), float(row.namespace_end))
        filters.append(NamespaceFilter(seed=space.seed, ranges=(part,), unit=space.unit or None))
    return filters
