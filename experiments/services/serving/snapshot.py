"""Snapshot of the configuration, compiled from the database and served from memory."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from experiments.assignment.hashing import (
    Allocation,
    Assignment,
    NamespaceFilter,
    compile_allocation,
)
from experiments.assignment.phases import compile_phases, propensities
from experiments.event_schema.digests import visitor_digest
from experiments.event_schema.messages import MAX_AGE
from experiments.models import Experiment, FormerClientKey, ServerKey, Site, Variant
from experiments.selectors import serving
from experiments.services.catalogue.cta_content import cta_values
from experiments.services.catalogue.holdouts import holdout_filter, holdout_rule
from experiments.services.catalogue.server_keys import (
    EXPIRED,
    REVOKED,
    refused_keys,
    server_key_digest,
)
from experiments.services.catalogue.site_secrets import SiteNames, site_names
from experiments.services.serving.internal_traffic import InternalTraffic, internal_traffic
from experiments.targeting.languages import with_language_ranges
from experiments.targeting.overlap import specific_first
from experiments.targeting.validation import storable

logger = logging.getLogger(__name__)

Entry = TypeVar("Entry")

# Rows held while a snapshot is built: all at once would take three times what is kept of them.
ROWS_AT_A_TIME = 100
# In a condition as JSON: what a page's address and its referrer tell.
PAGE_ATTRIBUTE = re.compile(r'"(path|url|referrer|utm_[^"]*)(\.[^"]*)?":')


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVariant:
    """`propensity` is the arm's present share; 0 once it is dropped."""

    pk: int
    key: str
    arm: int
    values: Mapping[str, Mapping[str, Any]]
    propensity: float

    @property
    def is_dropped(self) -> bool:
        return self.propensity == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPhase:
    """A period with the same shares; `propensities` by arm.

    `has_first_shares`: no shares had changed until its end, only the coverage.
    """

    number: int
    started_at: datetime
    propensities: tuple[float, ...]
    has_first_shares: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedExperiment:
    """`phases` in order; a single one if neither shares nor coverage have changed.

    `audience`: the condition as it was saved; `condition`: as it is evaluated.
    `unknown_phase`: the answer for each arm where the shares that gave it are unknown.
    `remembered`: time and result of the look-up of an id's first exposure.
    """

    pk: int
    key: str
    name: str
    is_running: bool
    started_at: datetime
    stopped_at: datetime | None
    audience: dict[str, Any]
    condition: dict[str, Any]
    allocation: Allocation
    variants: tuple[ServedVariant, ...]
    phases: tuple[ServedPhase, ...]
    unknown_phase: tuple[Assignment, ...]
    remembered: dict[tuple[str, ...], tuple[float, Assignment | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def variant(self, key: str) -> ServedVariant | None:
        return next((variant for variant in self.variants if variant.key == key), None)

    def phase_at(self, moment: datetime) -> ServedPhase:
        """Return the phase of a moment; the first one for any before it."""
        begun = [phase for phase in self.phases if phase.started_at <= moment]
        return begun[-1] if begun else self.phases[0]

    def phase_giving(self, arm: int, phase: ServedPhase) -> ServedPhase:
        """Return the latest phase up to this one in which visitors were given the arm.

        An exposure that arrives after its arm was dropped belongs to the answer before.
        """
        earlier = [served for served in self.phases if served.number <= phase.number]
        giving = [served for served in earlier if served.propensities[arm]]
        return giving[-1] if giving else phase

    def phase_of(self, number: int, arm: int) -> ServedPhase | None:
        """Return a phase by its number; None if there is none that can have given the arm.

        Numbers count from 0, and no phase is ever removed.
        """
        phase = self.phases[number] if number < len(self.phases) else None
        return phase if phase is not None and phase.propensities[arm] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSlot:
    """`evaluations`: the answers given so far, by arm and language."""

    key: str
    default_values: Mapping[str, Mapping[str, Any]]
    experiments: tuple[ServedExperiment, ...]
    evaluations: dict[tuple[int, str], Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedSite:
    """`secret`: key of its digests. `keeps_digests`: visitors are stored so, not as sent."""

    pk: int
    key: str
    client_key: str
    default_locale: str
    allowed_origins: frozenset[str]
    internal: InternalTraffic
    former_id_attribute: str
    slots: Mapping[str, ServedSlot]
    secret: bytes = field(repr=False)
    needs_receipts: bool = False
    values_need_server: bool = False
    # Another page of the site may have another answer for the same visitor.
    varies_by_page: bool = False
    keeps_digests: bool = False
    holdout: Allocation | None = None

    def stored_names(self, visitor: str) -> tuple[str, str]:
        """Return the names under which something of a visitor may be stored."""
        return visitor_digest(self.secret, visitor), visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKey:
    """A server key that opens its site, as far as its scopes go."""

    pk: int
    site: ServedSite
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Configuration that serving and ingestion need, at one revision.

    `closed`: the reason why a client key, or the key of a digest, opens nothing any more.
    `expirations`: the end of those client keys and digests that have one.
    """

    revision: int
    client_keys: Mapping[str, ServedSite]
    server_key_digests: Mapping[str, ServedKey]
    closed: Mapping[str, str] = field(default_factory=dict)
    expirations: Mapping[str, datetime] = field(default_factory=dict)

    def without_expired(self, now: datetime) -> "Snapshot":
        """Return the snapshot without the keys that have expired: itself if none has."""
        gone = {key for key, moment in self.expirations.items() if moment <= now}
        if not gone:
            return self
        return replace(
            self,
            client_keys=_without(gone, self.client_keys),
            server_key_digests=_without(gone, self.server_key_digests),
            closed={**self.closed, **dict.fromkeys(gone, EXPIRED)},
            expirations=_without(gone, self.expirations),
        )


def build_snapshot(*, revision: int, now: datetime) -> Snapshot:
    """Read the whole configuration, in a few queries for each hundred rows.

    References to a row are read before it, or with it, so that a write in between leaves
    none dangling; as such a write changes the revision, the next snapshot includes it.
    """
    experiments: dict[int, list[ServedExperiment]] = {}
    rows_to_serve = serving.experiments_to_serve(stopped_since=now - MAX_AGE)
    for row in rows_to_serve.iterator(ROWS_AT_A_TIME):
        try:
            experiments.setdefault(row.slot_id, []).append(_served_experiment(row))
        except ValueError:  # One broken experiment must not cost every other slot.
            logger.exception("Experiment %s cannot be served.", row.key)
    slots: dict[int, dict[str, ServedSlot]] = {}
    for slot in serving.slots_to_serve().iterator(ROWS_AT_A_TIME):
        slots.setdefault(slot.site_id, {})[slot.key] = ServedSlot(
            key=slot.key,
            default_values=cta_values(slot.default_cta),
            experiments=_specific_first(experiments.get(slot.pk, [])),
        )
    keys = list(serving.server_keys_to_serve())
    former = list(serving.former_client_keys_to_serve())
    rows = list(serving.sites_to_serve())
    names = site_names(site.pk for site in rows)
    sites = {site.pk: _served_site(site, slots.get(site.pk, {}), names[site.pk]) for site in rows}
    current = {site.client_key: sites[site.pk] for site in rows}
    former = [key for key in former if key.site_id in sites and key.key not in current]
    digests = {key.digest: _served_key(key, sites) for key in keys if key.site_id in sites}
    revoked = {key.digest for key in keys if key.revoked_at is not None}
    refused = refused_keys()
    return Snapshot(
        revision=revision,
        client_keys=_without(refused, current | {key.key: sites[key.site_id] for key in former}),
        server_key_digests=_without(revoked | {server_key_digest(key) for key in refused}, digests),
        closed=dict.fromkeys(revoked, REVOKED),
        expirations=_without(revoked, _expirations(keys, former)),
    ).without_expired(now)


def _specific_first(experiments: Sequence[ServedExperiment]) -> tuple[ServedExperiment, ...]:
    """Return a slot's experiments, given by their start, as visitors try them."""
    if len(experiments) < 2:
        return tuple(experiments)
    order = specific_first([one.audience for one in experiments])
    return tuple(experiments[one] for one in order)


def _expirations(
    keys: Sequence[ServerKey], former: Sequence[FormerClientKey]
) -> dict[str, datetime]:
    ends = {key.digest: key.expires_at for key in keys if key.expires_at is not None}
    return ends | {key.key: key.expires_at for key in former}


def _without(refused: AbstractSet[str], entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {key: entry for key, entry in entries.items() if key not in refused}


def _served_key(key: ServerKey, sites: Mapping[int, ServedSite]) -> ServedKey:
    return ServedKey(pk=key.pk, site=sites[key.site_id], scopes=frozenset(key.scopes))


def _served_site(site: Site, slots: dict[str, ServedSlot], names: SiteNames) -> ServedSite:
    return ServedSite(
        pk=site.pk,
        key=site.key,
        client_key=site.client_key,
        default_locale=site.default_locale,
        allowed_origins=frozenset(site.allowed_origins),
        internal=internal_traffic(networks=site.internal_networks, visitors=site.internal_visitors),
        former_id_attribute=site.former_id_attribute,
        slots=slots,
        secret=names.secret,
        keeps_digests=names.keeps_digests,
        holdout=holdout_rule(site),
        needs_receipts=site.needs_receipts,
        values_need_server=site.values_need_server,
        varies_by_page=any(
            experiment.is_running and PAGE_ATTRIBUTE.search(json.dumps(experiment.condition))
            for slot in slots.values()
            for experiment in slot.experiments
        ),
    )


def _served_experiment(row: Experiment) -> ServedExperiment:
    variants = list(row.variants.all())
    audience = storable(row.audience.condition) if row.audience else {}
    return ServedExperiment(
        pk=row.pk,
        key=row.key,
        name=row.name,
        is_running=row.status == Experiment.Status.RUNNING,
        started_at=_started_at(row),
        stopped_at=row.stopped_at,
        audience=audience,
        condition=with_language_ranges(audience),
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
        unknown_phase=tuple(
            Assignment(arm=arm, propensity=None, reason=None, phase=None)
            for arm in range(len(variants))
        ),
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
    phases, has_first_shares = [], True
    rows = list(row.phases.all())
    for phase in rows:
        has_first_shares = has_first_shares and phase.shares == rows[0].shares
        phases.append(
            ServedPhase(
                number=phase.number,
                started_at=phase.started_at,
                propensities=propensities(phase.slices, len(variants)),
                has_first_shares=has_first_shares,
            )
        )
    return tuple(phases) or (_only_phase(row, variants),)


def _only_phase(row: Experiment, variants: Sequence[Variant]) -> ServedPhase:
    return ServedPhase(
        number=0,
        started_at=_started_at(row),
        propensities=tuple(float(variant.share) for variant in variants),
        has_first_shares=True,
    )


def _started_at(row: Experiment) -> datetime:
    if row.started_at is None:  # The database forbids it: experiment_started_unless_draft.
        raise ValueError(f"experiment {row.key} is {row.status} without a start")
    return row.started_at


def _filters(row: Experiment) -> list[NamespaceFilter]:
    """Return the filters that exclude visitors: the site's holdout, then the namespace."""
    site, space = row.slot.site, row.namespace
    filters = []
    if site.holdout:
        filters.append(holdout_filter(site))
    if space is not None and row.namespace_start is not None and row.namespace_end is not None:
        part = (float(row.namespace_start), float(row.namespace_end))
        filters.append(NamespaceFilter(seed=space.seed, ranges=(part,), unit=space.unit or None))
    return filters
