"""Sites, CTAs, slots, experiments, events: everything a test needs, with sensible defaults.

Rows are written directly, past the services: what a service does, its own tests say.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from django.contrib.auth import get_user_model

from experiments.assignment.phases import first_slices, moved_slices
from experiments.event_schema.ids import VERSION_7, day_of, milliseconds
from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Event,
    Experiment,
    Membership,
    PendingBatch,
    Rollup,
    ServerKey,
    Site,
    SiteSecret,
    Slot,
    Variant,
)
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.catalogue.site_secrets import site_secret
from experiments.services.events.partitions import make_partitions
from experiments.services.serving.internal_traffic import internal_traffic
from experiments.services.serving.snapshot import ServedSite

# The moment at which frozen tests happen; experiments started a week before.
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STARTED = NOW - timedelta(days=7)
NUMBERS = count(1)


def make_site(key="shop", **changes):
    """A site whose client key is `<key>-client-key`."""
    values = {"key": key, "name": key.title(), "client_key": f"{key}-client-key"}
    site = Site.objects.create(**(values | changes))
    # Made here, for a test may hold a transaction open where a process has committed long ago.
    site_secret(site.pk)
    # Ids as they were sent, as on a site of an earlier version: tests name visitors.
    SiteSecret.objects.filter(site=site).update(visitors=SiteSecret.Visitors.AS_SENT)
    return site


def served_site(key="shop", **changes):
    """A site as the snapshot holds it, without slots, and without a database."""
    values = {
        "pk": 1,
        "key": key,
        "client_key": f"{key}-client-key",
        "default_locale": "en",
        "allowed_origins": frozenset(),
        "internal": internal_traffic(networks=[], visitors=[]),
        "former_id_attribute": "",
        "slots": {},
        "secret": b"secret",
    }
    return ServedSite(**(values | changes))


def make_server_key(site, secret=None, **changes):
    """A secret key of a site, `<site>-server-key` unless told otherwise. Returns the secret."""
    secret = secret or f"{site.key}-server-key"
    values = {"name": "backend", "prefix": secret[:12], "created_at": STARTED}
    ServerKey.objects.create(site=site, digest=server_key_digest(secret), **(values | changes))
    return secret


def make_person(name):
    """A member of the staff without a role on any site."""
    return get_user_model().objects.create_user(name, is_staff=True)


def make_member(site, role, name=None):
    """A member of the staff with this role on the site, and on no other."""
    person = make_person(name or role)
    Membership.objects.create(user=person, site=site, role=role)
    return person


def make_cta(site, text="Go", **changes):
    """A CTA that says `text` in the site's language, or what `wordings={locale: text}` says."""
    wordings = changes.pop("wordings", {site.default_locale: text})
    values = {"site": site, "name": text, "destination": "/go"}
    cta = CTA.objects.create(**(values | changes))
    CTAWording.objects.bulk_create(
        CTAWording(cta=cta, locale=locale, text=wording) for locale, wording in wordings.items()
    )
    return cta


def make_slot(site, key="hero", **changes):
    """A slot whose default CTA says `Default <key>`."""
    default_cta = changes.pop("default_cta", None) or make_cta(site, f"Default {key}")
    values = {"site": site, "key": key, "name": key.title(), "default_cta": default_cta}
    return Slot.objects.create(**(values | changes))


def set_zone(slot, name):
    """The time zone of a slot's site."""
    Site.objects.filter(pk=slot.site_id).update(time_zone=name)


def make_audience(site, key="french", condition=None, **changes):
    """An audience; French speakers unless a condition is given."""
    condition = {"locale": "fr"} if condition is None else condition
    values = {"site": site, "key": key, "name": key.title(), "condition": condition}
    return Audience.objects.create(**(values | changes))


def make_experiment(slot, key="hero-test", *, shares=None, **changes):
    """A draft on a slot, arms `control` and `b` in equal shares unless `{variant: share}` is given.

    Arm `b` of experiment `hero-test` shows a CTA that says `hero-test b`.
    """
    experiment = Experiment.objects.create(**({"slot": slot, "key": key, "name": key} | changes))
    shares = {"control": "0.5", "b": "0.5"} if shares is None else shares
    for arm, (name, share) in enumerate(shares.items()):
        cta = make_cta(slot.site, f"{key} {name}")
        Variant.objects.create(
            experiment=experiment, arm=arm, key=name, cta=cta, share=Decimal(share)
        )
    return experiment


def make_running_experiment(slot, key="hero-test", **changes):
    """An experiment that has been running since STARTED."""
    state = {"status": Experiment.Status.RUNNING, "started_at": STARTED}
    return make_experiment(slot, key, **(state | changes))


def make_phases(experiment, *courses, every=timedelta(days=1)):
    """Phases of (shares, coverage) from the start on, one a day; the last one is the present."""
    history = []
    for number, (shares, coverage) in enumerate(courses):
        slices = moved_slices(history, shares, coverage) if history else None
        history.append(slices or first_slices(shares, coverage))
        experiment.phases.create(
            number=number,
            started_at=experiment.started_at + number * every,
            shares=shares,
            coverage=Decimal(str(coverage)),
            slices=history[-1],
        )
    for variant, share in zip(experiment.variants.order_by("arm"), shares, strict=True):
        experiment.variants.filter(pk=variant.pk).update(share=Decimal(str(share)))
    Experiment.objects.filter(pk=experiment.pk).update(coverage=Decimal(str(coverage)))


def event_id(at=NOW):
    """A new id of UUID version 7, made at that moment; later ones are greater."""
    return UUID(int=(milliseconds(at) << 80) | VERSION_7 | next(NUMBERS))


def event_message(kind="exposure", **changes):
    """An event as a website sends it, about slot `hero`; None leaves a field out.

    An exposure or click of visitor `v-1` in arm `b`, or a conversion to the goal `signup`.
    """
    values = {"id": str(event_id()), "type": kind, "visitor": "v-1", "at": NOW.isoformat()}
    if kind == "conversion":
        values["goal"] = "signup"
    else:
        values |= {"slot": "hero", "variant": "b"}
    return {name: value for name, value in (values | changes).items() if value is not None}


def make_event(variant, *, visitor="v-1", kind="exposure", at=NOW, **changes):
    """A stored exposure (or click) that waits to be counted."""
    batch = PendingBatch.objects.create(n_events=1, stored_at=at)
    values = {
        "site": variant.experiment.slot.site,
        "event_id": event_id(at),
        "type": kind,
        "visitor": visitor,
        "experiment": variant.experiment,
        "variant": variant,
        "occurred_at": at,
        "received_at": at,
        "batch": batch.pk,
    }
    make_partitions([day_of(values["event_id"])])
    return Event.objects.create(**(values | changes))


def make_rollup(variant, *, visitors, clicks=0, day=None, **changes):
    """A day's counts of one arm."""
    values = {
        "experiment": variant.experiment,
        "variant": variant,
        "day": day or NOW.date() - timedelta(days=1),
    }
    counts = {"visitors": visitors, "clicking_visitors": clicks}
    return Rollup.objects.create(**(values | counts | changes))


def make_library_experiment(site):
    """The finished Montana State University library test: five words on one button.

    Counts: Young (2014), doi:10.15788/m2rp42.
    """
    counts = {
        "interact": (10_283, 42),
        "connect": (2_742, 53),
        "learn": (2_747, 21),
        "help": (3_180, 38),
        "services": (2_064, 45),
    }
    experiment = make_experiment(
        make_slot(site, "library-home"),
        "library",
        shares=dict.fromkeys(counts, "0.2"),
        status=Experiment.Status.STOPPED,
        origin=Experiment.Origin.IMPORTED,
        started_at=datetime(2013, 5, 29, tzinfo=UTC),
        stopped_at=datetime(2013, 6, 18, tzinfo=UTC),
    )
    for variant in experiment.variants.all():
        visitors, clicks = counts[variant.key]
        make_rollup(variant, visitors=visitors, clicks=clicks)
    return experiment
