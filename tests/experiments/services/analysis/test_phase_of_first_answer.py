"""The phase of a visitor's first answer, from the answer over the exposure to the split check.

1,000 visitors are answered while the shares are 90 to 10 and see the CTA after these have become
50 to 50, among 4,000 new ones.
"""

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from growthbook import GrowthBook, InMemoryStickyBucketService

from ctaopt_django.html import filled_cta
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import Event, Rollup
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.events.ingestion import Origin
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.traffic_allocation import change_traffic
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving.evaluation import evaluate_slot, flag_content
from experiments.services.serving.growthbook_payload import payload_of
from tests import factories
from tests.experiments.services.counted_experiments import insights_into
from tests.experiments.services.serving.visitors import served
from tests.factories import NOW, STARTED
from tests.intake import ingest

pytestmark = pytest.mark.slow

CARRIED = [f"carried-{number}" for number in range(1_000)]
NEW = [f"new-{number}" for number in range(4_000)]


class Snippet:
    """The present snippet: keeps arm and phase, and sends both."""

    def __init__(self):
        self.arms = {}

    def answered(self, site, visitor):
        attributes = {"arms": {"carry": self.arms[visitor]}} if visitor in self.arms else {}
        answer = evaluate_slot(site, "hero", visitor=visitor, attributes=attributes)
        self.keep(visitor, answer)
        return self.exposure(answer)

    def keep(self, visitor, answer):
        self.arms[visitor] = f"{answer.variant}@{answer.phase}"

    def exposure(self, answer):
        return {"variant": answer.variant, "phase": answer.phase}


class SnippetWithOldStorage(Snippet):
    """The present snippet in browsers that kept arms without phases."""

    def keep(self, visitor, answer):
        self.arms[visitor] = answer.variant


class OldSnippet(SnippetWithOldStorage):
    def exposure(self, answer):
        return {"variant": answer.variant}


class Forger(Snippet):
    def __init__(self, arm):
        super().__init__()
        self.arm = arm

    def keep(self, visitor, answer):
        self.arms[visitor] = self.arm


class ServerRenderedPages:
    """Pages that wait in a browser: the snippet reports what their attributes say."""

    def __init__(self):
        self.pages = {}

    def answered(self, site, visitor):
        if visitor not in self.pages:
            answer = evaluate_slot(site, "hero", visitor=visitor, attributes={})
            self.pages[visitor] = str(filled_cta(flag_content(answer), attributes={}))
        data = dict(re.findall(r'data-cta-(\w+)="([^"]*)"', self.pages[visitor]))
        return {"variant": data["variant"], "phase": int(data["phase"])}


class GrowthBookSdk:
    """GrowthBook's SDK with sticky buckets; its key of the variation names the phase."""

    def __init__(self):
        self.buckets = InMemoryStickyBucketService()
        self.features = {}

    def answered(self, site, visitor):
        if id(site) not in self.features:
            self.features[id(site)] = payload_of(site)["features"]
        sdk = GrowthBook(
            features=self.features[id(site)],
            attributes={"id": visitor},
            sticky_bucket_service=self.buckets,
        )
        return {"variant": sdk.eval_feature("hero").experimentResult.key}


class GrowthBookDocuments(GrowthBookSdk):
    """Documents of the SDK, sent to OFREP by a server once the shares have changed."""

    def answered(self, site, visitor):
        documents = self.buckets.get_all_assignments({"id": visitor})
        if not documents:
            return super().answered(site, visitor)
        attributes = {"stickyBucketAssignmentDocs": documents}
        answer = evaluate_slot(site, "hero", visitor=visitor, attributes=attributes)
        return {"variant": answer.variant, "phase": answer.phase}


@pytest.fixture
def experiment(slot):
    return factories.make_running_experiment(
        slot, "carry", shares={"control": "0.9", "b": "0.1"}, started_at=STARTED
    )


def course(experiment, client):
    """Let the visitors come, and return the report of the day after the change of shares."""
    site = served()
    for visitor in CARRIED:
        client.answered(site, visitor)
    halves = {"control": Decimal("0.5"), "b": Decimal("0.5")}
    occasion = Occasion(now=NOW - timedelta(days=1))
    assert change_traffic(experiment=experiment, occasion=occasion, shares=halves)
    site = served()
    events = [
        factories.event_message(visitor=visitor, **client.answered(site, visitor))
        for visitor in (*CARRIED, *NEW)
    ]
    receipt = ingest(site=site, items=events, now=NOW, origin=Origin(is_page=True))
    assert receipt.accepted == len(events)
    fold_pending()
    return report_of(experiment=reports.experiments_for_report().get(), now=NOW)


def stored():
    """Number of visitors by phase, arm and propensity, as stored."""
    rows = Event.objects.values_list("attributes", "variant__key", "propensity")
    return Counter(
        (attributes.get("phase", 0), arm, propensity) for attributes, arm, propensity in rows
    )


@pytest.mark.parametrize(
    "client", [Snippet, ServerRenderedPages, GrowthBookSdk, GrowthBookDocuments]
)
def test_carried_visitors_count_in_the_phase_of_their_first_answer(experiment, client):
    report = course(experiment, client())
    counts = stored()
    assert set(counts) == {(0, "control", 0.9), (0, "b", 0.1), (1, "control", 0.5), (1, "b", 0.5)}
    assert counts[0, "control", 0.9] + counts[0, "b", 0.1] == len(CARRIED)
    assert counts[0, "b", 0.1] == pytest.approx(100, abs=30)
    assert counts[1, "b", 0.5] == pytest.approx(2_000, abs=100)
    assert report.srm.dof == 1
    assert report.srm.p_value > 0.01
    assert insights_into(report).health.unknown_phase_visitors == 0


def test_arms_kept_without_a_phase_are_left_out_of_the_split_check_and_counted(experiment):
    report = course(experiment, SnippetWithOldStorage())
    assert report.srm.p_value > 0.01
    assert insights_into(report).health.unknown_phase_visitors == len(CARRIED)
    assert {key[2] for key in stored() if key[0] == UNKNOWN_PHASE} == {None}


def test_clients_that_send_no_phase_raise_no_false_alarm(experiment):
    report = course(experiment, OldSnippet())
    assert not report.srm.is_mismatch
    assert insights_into(report).health.unknown_phase_visitors == len(CARRIED) + len(NEW)


def test_phase_that_does_not_exist_is_unknown(experiment):
    report = course(experiment, Forger("b@7"))
    assert report.srm.p_value > 0.01
    # A page's claim that the visitor's hash does not explain, either, is left out altogether.
    rows = Rollup.objects.filter(segment="").values_list("unexplained_visitors", flat=True)
    unknown = insights_into(report).health.unknown_phase_visitors
    assert 0 < unknown < len(CARRIED)
    assert unknown + sum(rows) == len(CARRIED)


def test_arms_that_no_hash_explains_are_found_by_the_split_check(experiment):
    """As one id after a log-in explains nothing, a single client is believed; many are not."""
    report = course(experiment, Forger("b@0"))
    assert stored()[0, "b", 0.1] == len(CARRIED)
    assert report.srm.is_mismatch
