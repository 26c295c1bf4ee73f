"""Everybody whom serving gave an arm is counted for it; whoever claims another is flagged."""

from datetime import timedelta

import pytest

from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import Event, Experiment, Namespace
from experiments.services.events.ingestion import Origin, accept
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.growthbook_payload import payload_of
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, event_message

VISITORS = [f"v-{number}" for number in range(300)]
HALVES = ([0.5, 0.3, 0.2], 1.0)
COURSES = {
    "one phase": [HALVES],
    "more coverage": [([0.5, 0.3, 0.2], 0.1), HALVES],
    "less coverage": [HALVES, ([0.5, 0.3, 0.2], 0.3)],
    "moved and back": [HALVES, ([0.2, 0.3, 0.5], 0.8), ([0.6, 0.1, 0.3], 1.0)],
    "dropped": [HALVES, ([0.6, 0.0, 0.4], 1.0)],
}


@pytest.fixture(params=COURSES, ids=str)
def experiment(request, slot):
    shares = {"control": "0.5", "b": "0.3", "c": "0.2"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    experiment.courses = COURSES[request.param]
    return experiment


def served():
    return build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]


def answers_in_each_phase(experiment, site=served, **attributes):
    """Answers to the visitors as they were given in each phase, with the final site."""
    answers = []
    for number in range(len(experiment.courses)):
        experiment.phases.all().delete()
        factories.make_phases(experiment, *experiment.courses[: number + 1])
        now = site()
        answers += [(v, evaluate_slot(now, "hero", visitor=v, attributes={
            "targetingKey": v, **{name: value(v) for name, value in attributes.items()},
        })) for v in VISITORS]  # fmt: skip
    return [(visitor, one) for visitor, one in answers if one.experiment], site()


def message_of(visitor, answer, **changes):
    values = {"variant": answer.variant, "phase": answer.phase, "receipt": answer.receipt}
    return event_message(visitor=visitor, **(values | changes))


def flags(site, messages):
    accepted = accept(site=site, items=messages, now=NOW, origin=Origin(is_page=True))
    assert accepted.rejected == ()
    return [row.flags for row in accepted.rows]


def assert_explained(answers, site):
    assert answers
    assert set(flags(site, [message_of(*one) for one in answers])) == {0}


def test_everybody_served_in_any_phase_is_explained(experiment):
    answers, site = answers_in_each_phase(experiment)
    assert_explained(answers, site)
    # A client that names no phase, as before phases existed.
    assert set(flags(site, [message_of(*one, phase=None) for one in answers])) == {0}
    # As GrowthBook's SDKs name the variation.
    phased = [message_of(*one, variant=f"{one[1].variant}@{one[1].phase}") for one in answers]
    assert set(flags(site, phased)) == {0}


def test_every_other_arm_is_flagged(experiment):
    answers, site = answers_in_each_phase(experiment)
    given = {(visitor, one.phase): one.variant for visitor, one in answers}
    claims = [
        event_message(visitor=visitor, variant=arm, phase=phase)
        for visitor in VISITORS
        for arm in ("control", "b", "c")
        for phase in range(len(experiment.courses))
        if given.get((visitor, phase)) != arm
    ]
    assert set(flags(site, claims)) == {Event.Flag.UNEXPLAINED}


def test_arm_of_any_phase_is_explained_where_the_phase_is_unknown(experiment):
    answers, site = answers_in_each_phase(experiment)
    arms = {(visitor, one.variant) for visitor, one in answers}
    claims = [(visitor, arm) for visitor in VISITORS for arm in ("control", "b", "c")]
    sent = [event_message(visitor=v, variant=arm, phase=UNKNOWN_PHASE) for v, arm in claims]
    expected = [0 if claim in arms else Event.Flag.UNEXPLAINED for claim in claims]
    assert flags(site, sent) == expected


def test_carried_answers_and_log_ins_are_explained_by_their_receipts(experiment):
    key = experiment.key
    for attributes in (
        {"arms": lambda v: {key: "control@0" if v > "v-2" else "c@0"}},
        {"arms": lambda v: {key: "c"}},
        {"arms": lambda v: {key: "b@99"}},
        {"anonymousId": lambda v: f"before-{v}"},
        {"stickyBucketAssignmentDocs": lambda v: {
            f"id||{v}": {"assignments": {f"{key}__0": "c@0"}},
        }},
    ):  # fmt: skip
        answers, site = answers_in_each_phase(experiment, **attributes)
        assert_explained(answers, site)
        wrong = [message_of(f"not-{visitor}", one) for visitor, one in answers if one.receipt]
        assert any(flags(site, wrong)) == bool(wrong)


def test_first_exposure_on_record_is_explained(experiment):
    factories.make_phases(experiment, *experiment.courses)
    arms = {variant.key: variant for variant in experiment.variants.all()}
    for number, visitor in enumerate(VISITORS[:60]):
        variant = arms[["control", "b", "c"][number % 3]]
        factories.make_event(variant, visitor=f"before-{visitor}", at=NOW - timedelta(days=2))
    answers, site = answers_in_each_phase(experiment, anonymousId=lambda v: f"before-{v}")
    assert any(one.receipt for _, one in answers)
    assert_explained(answers, site)


def test_holdout_namespaces_and_audiences_flag_nobody_whom_they_took_in(experiment):
    site = experiment.slot.site
    space = Namespace.objects.create(site=site, key="n", seed="n", unit="company")
    audience = factories.make_audience(site, condition={"device": "mobile"})
    Experiment.objects.filter(pk=experiment.pk).update(
        audience=audience, namespace=space, namespace_start="0", namespace_end="0.5"
    )
    site.holdout = "0.2"
    site.save()
    answers, _ = answers_in_each_phase(
        experiment, device=lambda _: "mobile", company=lambda v: f"company of {v}"
    )
    # A larger holdout afterwards takes the arm from nobody.
    site.holdout = "0.5"
    site.save()
    assert_explained(answers, served())


def test_growthbook_sdk_variations_are_explained(experiment):
    factories.make_phases(experiment, *experiment.courses)
    site = served()
    (rule, *_) = payload_of(site)["features"]["hero"]["rules"]
    places = [(part, meta["key"]) for part, meta in zip(rule["ranges"], rule["meta"], strict=True)]
    claims = []
    for visitor in VISITORS:
        answer = evaluate_slot(site, "hero", visitor=visitor, attributes={"targetingKey": visitor})
        claims += [
            event_message(visitor=visitor, variant=key)
            for _, key in places
            if key == f"{answer.variant}@{answer.phase}"
        ]
    assert claims
    assert set(flags(site, claims)) == {0}


def test_site_that_needs_receipts_counts_nothing_without(experiment):
    site = experiment.slot.site
    site.needs_receipts = True
    site.save()
    answers, now = answers_in_each_phase(experiment)
    assert_explained(answers, now)
    bare = [message_of(*one, receipt=None) for one in answers]
    assert set(flags(now, bare)) == {Event.Flag.UNEXPLAINED}
    others = [message_of(*one, receipt=answers[0][1].receipt) for one in answers[1:]]
    assert Event.Flag.UNEXPLAINED in flags(now, others)
    assert {row.flags for row in accept(site=now, items=bare, now=NOW).rows} == {0}
