"""A visitor keeps the arm: while shares change, across a log-in, and without costing a query."""

from collections import Counter

import pytest
from growthbook import GrowthBook, InMemoryStickyBucketService

from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.models import Site
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.growthbook_payload import payload_of
from tests import factories
from tests.experiments.services.serving.visitors import (
    HALVES,
    VISITORS,
    arms_and_movers,
    arms_of,
    evaluate,
    expose,
    served,
    variant_of,
)


def test_raising_the_coverage_moves_nobody_and_asks_nobody(slot, django_assert_num_queries):
    experiment = factories.make_running_experiment(slot, coverage="0.1")
    before = arms_of(served())
    factories.make_phases(experiment, ([0.5, 0.5], 0.1), ([0.5, 0.5], 0.6))
    site = served()
    with django_assert_num_queries(0):
        after = arms_of(site)
    assert all(before[v] in ("default", after[v]) for v in VISITORS)
    assert Counter(before.values())["default"] > Counter(after.values())["default"]


def test_change_of_shares_moves_no_more_than_the_difference(running_experiment):
    _, _, after, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    assert len(movers) / len(VISITORS) == pytest.approx(0.2, abs=0.04)
    assert {after[v] for v in movers} == {"control"}


def test_carried_arm_counts_without_a_query(running_experiment, django_assert_num_queries):
    _, before, _, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    with django_assert_num_queries(0):
        kept = [variant_of(site, v, arms={"hero-test": before[v]}) for v in movers]
    assert set(kept) == {"b"}


@pytest.mark.parametrize(
    ("carried", "phase", "propensity"),
    [
        ("b@0", 0, 0.5),
        ("b@1", 1, pytest.approx(0.3)),
        ("b", UNKNOWN_PHASE, None),
        ("b@", UNKNOWN_PHASE, None),
        ("b@-1", UNKNOWN_PHASE, None),
        ("b@2", UNKNOWN_PHASE, None),
        (f"b@{UNKNOWN_PHASE}", UNKNOWN_PHASE, None),
    ],
)
def test_carried_arm_has_the_phase_of_the_first_answer(
    running_experiment, carried, phase, propensity
):
    factories.make_phases(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    answers = [evaluate(served(), v, arms={"hero-test": carried}) for v in VISITORS[:20]]
    assert {one.variant for one in answers} == {"b"}
    assert [(one.phase, one.propensity) for one in answers] == [(phase, propensity)] * 20


def test_phase_that_gave_nobody_the_arm_is_not_believed(running_experiment):
    factories.make_phases(running_experiment, ([1.0, 0.0], 1.0), HALVES)
    answer = evaluate(served(), arms={"hero-test": "b@0"})
    assert (answer.variant, answer.phase, answer.propensity) == ("b", UNKNOWN_PHASE, None)


def test_carried_arm_without_a_phase_is_in_no_doubt_while_shares_stay(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 0.1), HALVES)
    answer = evaluate(served(), arms={"hero-test": "b"})
    assert (answer.variant, answer.phase, answer.propensity) == ("b", 1, 0.5)


def test_visitors_of_one_phase_and_arm_share_one_answer(running_experiment):
    factories.make_phases(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    for carried in ("b@0", "b@1", "b@9", "b"):
        answers = [evaluate(site, v, arms={"hero-test": carried}) for v in VISITORS]
        shared = {id(one): one.receipt for one in answers if one.receipt is None}
        assert len(shared) == 1
        # Whose hash does not explain the arm has an answer of their own.
        assert 0 < sum(one.receipt is not None for one in answers) < len(answers)


def test_carried_arm_outlives_audience_and_coverage(slot):
    audience = factories.make_audience(slot.site, condition={"new_visitor": True})
    factories.make_running_experiment(slot, audience=audience, coverage="0.01")
    site = served()
    assert variant_of(site, "v-1", new_visitor=False) == "default"
    assert variant_of(site, "v-1", new_visitor=False, arms={"hero-test": "b"}) == "b"


@pytest.mark.parametrize(
    "attributes",
    [
        {"arms": None},
        {"arms": ["b"]},
        {"arms": {"hero-test": "gone"}},
        {"arms": {"hero-test": ["b"]}},
        {"arms": {"other": "b"}},
        {"stickyBucketAssignmentDocs": "b"},
        {"stickyBucketAssignmentDocs": {"id||v-2": {"assignments": {"hero-test__0": "b"}}}},
    ],
    ids=str,
)
def test_carried_nonsense_is_not_followed(running_experiment, attributes):
    site = served()
    assert arms_of(site, **attributes) == arms_of(site)


def test_growthbook_documents_are_followed_as_its_sdk_follows_them(running_experiment):
    """The SDK keeps its buckets through a change of shares; OFREP reads the same documents."""
    buckets = InMemoryStickyBucketService()

    def by_sdk(visitor):
        sdk = GrowthBook(
            features=payload_of(served())["features"],
            attributes={"id": visitor},
            sticky_bucket_service=buckets,
        )
        return sdk.eval_feature("hero").experimentResult

    before = {v: by_sdk(v).key for v in VISITORS[:200]}
    documents = {f"id||{v}": buckets.get_assignments("id", v) for v in before}
    factories.make_phases(running_experiment, HALVES, ([0.8, 0.2], 1.0))
    site = served()
    assert {v: by_sdk(v).key for v in before} == before
    answers = {v: evaluate(site, v, stickyBucketAssignmentDocs=documents) for v in before}
    assert {v: f"{one.variant}@{one.phase}" for v, one in answers.items()} == before
    assert {one.propensity for one in answers.values()} == {0.5}
    assert {v: f"{variant_of(site, v)}@0" for v in before} != before


def test_growthbook_documents_of_times_without_phases_go_on_working(running_experiment):
    buckets = InMemoryStickyBucketService()
    for visitor in VISITORS[:50]:
        document = {"hero-test__0": "b"}
        buckets.save_assignments(
            {"attributeName": "id", "attributeValue": visitor, "assignments": document}
        )
    payload = payload_of(served())["features"]
    for visitor in VISITORS[:50]:
        sdk = GrowthBook(
            features=payload, attributes={"id": visitor}, sticky_bucket_service=buckets
        )
        result = sdk.eval_feature("hero")
        assert (result.experimentResult.key, result.value["text"]) == ("b", "hero-test b")


def test_dropped_arm_is_given_to_nobody_and_its_visitors_fall_out(slot):
    """Whoever has it sees the default CTA, by OFREP and by GrowthBook's SDK; nobody is moved."""
    thirds = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}
    experiment = factories.make_running_experiment(slot, shares=thirds)
    buckets = InMemoryStickyBucketService()

    def by_sdk(visitor):
        attributes = {"id": visitor}
        features = payload_of(served())["features"]
        sdk = GrowthBook(features=features, attributes=attributes, sticky_bucket_service=buckets)
        return sdk.eval_feature("hero").value["text"]

    before = arms_of(served())
    seen = VISITORS[:200]
    for visitor in seen:
        by_sdk(visitor)
    documents = {f"id||{visitor}": buckets.get_assignments("id", visitor) for visitor in seen}
    for visitor in VISITORS[200:300]:
        expose(visitor, before[visitor])
    shares = [float(share) for share in thirds.values()]
    factories.make_phases(experiment, (shares, 1.0), ([0.5, 0.0, 0.5], 1.0))
    site = served()
    after = {v: variant_of(site, v, stickyBucketAssignmentDocs=documents) for v in seen}
    after |= {v: variant_of(site, v) for v in VISITORS[200:]}
    for visitor in VISITORS[:300]:
        expected = "default" if before[visitor] == "b" else before[visitor]
        assert after[visitor] == expected
    assert "b" not in after.values()
    assert Counter(after[v] for v in VISITORS[300:]).keys() == {"control", "c"}
    texts = {"default": "Default hero"} | {key: f"hero-test {key}" for key in ("control", "c")}
    assert {v: by_sdk(v) for v in seen} == {v: texts[after[v]] for v in seen}
    carried = next(v for v in VISITORS if before[v] == "b")
    assert variant_of(site, carried, arms={"hero-test": "b"}) == "default"
    assert {by_sdk(visitor) for visitor in VISITORS[300:]} == {texts["control"], texts["c"]}


def logged_in(site, n=200):
    """Visitors whose id before the log-in has another arm than the one after it."""
    pairs = ((f"user-{k}", f"v-{k}") for k in range(n))
    return [pair for pair in pairs if variant_of(site, pair[0]) != variant_of(site, pair[1])]


def test_visitor_keeps_the_arm_across_a_log_in(running_experiment, django_assert_num_queries):
    site = served()
    pairs = logged_in(site)
    for _, former in pairs[:20]:
        expose(former, variant_of(site, former))
    for user, former in pairs[:20]:
        with django_assert_num_queries(2):
            assert variant_of(site, user, anonymousId=former) == variant_of(site, former)
    for user, former in pairs[20:]:
        assert variant_of(site, user, anonymousId=former) == variant_of(site, user)


def test_log_in_without_a_doubt_costs_no_query(running_experiment, django_assert_num_queries):
    site = served()
    pairs = ((f"user-{k}", f"v-{k}") for k in range(50))
    alike = [pair for pair in pairs if variant_of(site, pair[0]) == variant_of(site, pair[1])]
    with django_assert_num_queries(0):
        for user, former in alike:
            assert variant_of(site, user, anonymousId=former) == variant_of(site, user)


def test_documents_of_the_former_id_are_followed_after_the_log_in(running_experiment):
    site = served()
    user, former = logged_in(site)[0]
    arm = variant_of(site, former)
    documents = {f"anonymousId||{former}": {"assignments": {"hero-test__0": arm}}}
    attributes = {"anonymousId": former, "stickyBucketAssignmentDocs": documents}
    assert variant_of(site, user, **attributes) == arm
    own = {f"id||{user}": {"assignments": {"hero-test__0": variant_of(site, user)}}}
    attributes["stickyBucketAssignmentDocs"] = documents | own
    assert variant_of(site, user, **attributes) == variant_of(site, user)


def test_site_may_do_without_the_former_id(running_experiment, django_assert_num_queries):
    Site.objects.update(former_id_attribute="")
    site = served()
    with django_assert_num_queries(0):
        for user, former in logged_in(site):
            assert variant_of(site, user, anonymousId=former) == variant_of(site, user)


def test_held_out_visitors_take_part_in_nothing(slot):
    factories.make_running_experiment(slot)
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "footer-test")
    Site.objects.update(holdout="0.2")
    site = served()
    kept_out = {
        key: {
            v
            for v in VISITORS
            if evaluate_slot(site, key, visitor=v, attributes={}).experiment is None
        }
        for key in ("hero", "footer")
    }
    assert kept_out["hero"] == kept_out["footer"]
    assert len(kept_out["hero"]) / len(VISITORS) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("locale", ["fr", "fr-FR", "fr_FR", "FR"])
def test_audience_of_a_language_takes_in_its_regions_in_any_spelling(slot, locale):
    audience = factories.make_audience(slot.site, condition={"locale": "fr"})
    factories.make_running_experiment(slot, audience=audience)
    assert variant_of(served(), "v-1", locale=locale) in {"control", "b"}
    assert variant_of(served(), "v-1", locale="en-FR") == "default"
