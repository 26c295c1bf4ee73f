"""The demo's site, experiments and past tests, loaded once from experiments/demo_data."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Event,
    Experiment,
    Rollup,
    ServerKey,
    Site,
    Slot,
    Tag,
    Variant,
)
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.server_keys import Grant, create_server_key
from experiments.services.learning.history_import import import_history
from experiments.services.lifecycle.transitions import start_experiment
from experiments.services.operations.demo_history import simulated_history
from ml.history.reading import read_history
from ml.history.writing import write_ctaopt

DATA = Path(__file__).resolve().parents[2] / "demo_data"
CATALOGUE = DATA / "catalogue.toml"
LIBRARY_COUNTS = DATA / "msu_library_2013.csv"
PAST_TESTS = DATA / "past_tests.toml"
USER = "demo"
CLIENT_KEY = "demo-client-key"
LIVE_TEST = "hero-signup-fr"
# Age of the live experiment in days; its visitors come within them.
LIVE_TEST_DAYS = 8
# Prefix of every simulated visitor's name.
SIMULATED = "sim-"


@transaction.atomic
def load_demo(*, work_dir: Path, now: datetime) -> bool:
    """Store the demo; return False if its site was there before. Then nothing is touched.

    Args:
        work_dir: Folder in which the file of simulated past tests is left.
        now: The moment of loading.
    """
    content = tomllib.loads(CATALOGUE.read_text())
    if Site.objects.filter(key=content["site"]["key"]).exists():
        return False
    site = _site(content, now)
    ctas = {row["name"]: _cta(site, row) for row in content["ctas"]}
    slots = {row["key"]: _slot(site, row, ctas) for row in content["slots"]}
    _library_test(content["library_test"], slots, ctas)
    _live_test(content["live_test"], slots, ctas, now)
    path = work_dir / "simulated_past_tests.csv"
    write_ctaopt(simulated_history(PAST_TESTS), path)
    import_history(site=site, path=path, history_format="ctaopt", is_simulated=True)
    _user()
    bump_revision()
    return True


def live_click_rates() -> dict[str, float]:
    """Return the click rates that the simulated visitors of the live experiment have."""
    variants = tomllib.loads(CATALOGUE.read_text())["live_test"]["variants"]
    return {row["key"]: row["click_rate"] for row in variants}


def live_test_without_visitors(visitors: int) -> Experiment | None:
    """Return the live experiment while fewer simulated visitors than these have come."""
    running = Experiment.objects.filter(key=LIVE_TEST, status=Experiment.Status.RUNNING)
    experiment = running.select_related("slot").first()
    if experiment is None:
        return None
    events = Event.objects.filter(experiment=experiment, type=Event.Type.EXPOSURE)
    n_visitors = events.filter(visitor__startswith=SIMULATED).values("visitor").distinct().count()
    return experiment if n_visitors < visitors else None


def _site(content: Mapping[str, Any], now: datetime) -> Site:
    fields = dict(content["site"])
    server_key = fields.pop("server_key")
    site = Site.objects.create(**fields)
    everything = Grant(scopes=tuple(ServerKey.Scope.values))
    create_server_key(site=site, name="Demo", now=now, key=server_key, grant=everything)
    for row in content["audiences"]:
        Audience.objects.create(site=site, **row)
    return site


def _cta(site: Site, row: Mapping[str, Any]) -> CTA:
    fields = dict(row)
    wordings, tags = fields.pop("wordings"), fields.pop("tags")
    cta = CTA.objects.create(site=site, **fields)
    for locale, text in wordings.items():
        CTAWording.objects.create(cta=cta, locale=locale, text=text)
    cta.tags.set([Tag.objects.get_or_create(site=site, name=name)[0] for name in tags])
    return cta


def _slot(site: Site, row: Mapping[str, Any], ctas: Mapping[str, CTA]) -> Slot:
    fields = dict(row)
    default = ctas[fields.pop("default_cta")]
    return Slot.objects.create(site=site, default_cta=default, **fields)


def _library_test(
    content: Mapping[str, Any], slots: Mapping[str, Slot], ctas: Mapping[str, CTA]
) -> None:
    """Store a finished experiment with its published counts."""
    fields = dict(content)
    slot, variants = slots[fields.pop("slot")], fields.pop("variants")
    counts = {row.text: row for row in read_history(LIBRARY_COUNTS, "ctaopt").rows}
    experiment = Experiment.objects.create(
        slot=slot,
        status=Experiment.Status.STOPPED,
        origin=Experiment.Origin.IMPORTED,
        plan=Experiment.Plan.FIXED,
        planned_visitors=sum(row.visitors for row in counts.values()),
        **fields,
    )
    equal = [{**row, "share": 1 / len(variants)} for row in variants]
    for variant in _variants(experiment, equal, ctas):
        row = counts[variant.cta.wordings.get().text]
        Rollup.objects.create(
            experiment=experiment,
            variant=variant,
            day=content["stopped_at"].date(),
            visitors=row.visitors,
            clicking_visitors=row.clicks,
        )


def _live_test(
    content: Mapping[str, Any], slots: Mapping[str, Slot], ctas: Mapping[str, CTA], now: datetime
) -> None:
    fields = dict(content)
    slot, variants = slots[fields.pop("slot")], fields.pop("variants")
    experiment = Experiment.objects.create(slot=slot, **fields)
    _variants(experiment, variants, ctas)
    start_experiment(experiment=experiment, now=now - timedelta(days=LIVE_TEST_DAYS))


def _variants(
    experiment: Experiment, rows: Sequence[Mapping[str, Any]], ctas: Mapping[str, CTA]
) -> list[Variant]:
    return [
        Variant.objects.create(
            experiment=experiment,
            arm=arm,
            key=row["key"],
            cta=ctas[row["cta"]],
            share=Decimal(str(row["share"])),
        )
        for arm, row in enumerate(rows)
    ]


def _user() -> None:
    """Create the log-in of the demo: without a password, so that it opens nothing elsewhere."""
    users = get_user_model().objects
    if not users.filter(username=USER).exists():
        users.create_superuser(username=USER)
