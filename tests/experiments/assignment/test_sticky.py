"""Sticky buckets against GrowthBook's own cases."""

import pytest

from experiments.assignment.hashing import bucket_ranges, choose_variation, fnv1a32, hash_unit
from experiments.assignment.sticky import (
    Kept,
    assignment_key,
    carried_assignments,
    document_key,
    kept_variant,
    with_assignment,
)
from experiments.targeting.evaluation import evaluate_condition


def identities_of(rule, attributes):
    names = [rule.get("hashAttribute", "id"), rule.get("fallbackAttribute", "")]
    return [(name, attributes[name]) for name in names if attributes.get(name)]


def place_of(rule, key, value):
    seed = rule.get("seed", key)
    if rule.get("hashVersion", 1) == 2:
        return hash_unit(seed, value)
    return fnv1a32(value + seed) % 1_000 / 1_000


def evaluated(feature_key, rule, attributes, documents):
    """A feature's only rule as GrowthBook's specification runs it: its result, the documents."""
    key = rule.get("key", feature_key)
    n_arms = len(rule["variations"])
    keys = [meta["key"] for meta in rule.get("meta", [{"key": str(n)} for n in range(n_arms)])]
    identities = identities_of(rule, attributes)
    version, least = rule.get("bucketVersion", 0), rule.get("minBucketVersion", 0)
    is_sticky = not rule.get("disableStickyBucketing")
    known = carried_assignments(documents, identities) if is_sticky else {}
    kept = kept_variant(known, key, keys, version=version, least_version=least)
    if kept.is_blocked or not identities:
        return None, documents
    index = kept.index
    place = place_of(rule, key, identities[0][1])
    if index is None:
        if not evaluate_condition(rule.get("condition", {}), attributes):
            return None, documents
        ranges = bucket_ranges(n_arms, rule.get("coverage", 1), rule.get("weights"))
        index = choose_variation(place, ranges)
    result = {
        "bucket": place,
        "featureId": feature_key,
        "hashAttribute": identities[0][0],
        "hashUsed": True,
        "hashValue": identities[0][1],
        "inExperiment": True,
        "key": keys[index],
        "stickyBucketUsed": kept.index is not None,
        "value": rule["variations"][index],
        "variationId": index,
    }
    assignment = (assignment_key(key, version), keys[index])
    if not is_sticky:
        return result, documents
    return result, with_assignment(documents, identities[0], assignment)


def own_documents(stored, context, rule):
    """What an SDK loads of a store: the documents of the visitor's identifiers."""
    loaded = {
        document_key((one["attributeName"], one["attributeValue"])): one for one in stored
    } | context.get("stickyBucketAssignmentDocs", {})
    wanted = [document_key(pair) for pair in identities_of(rule, context["attributes"])]
    return {key: loaded[key] for key in wanted if key in loaded}


@pytest.mark.needs_shared
def test_sticky_buckets_meet_every_case_of_growthbook(conformance):
    cases = conformance["stickyBucket"]
    assert len(cases) == 13
    for name, context, stored, feature_key, expected, documents_after in cases:
        (rule,) = context["features"][feature_key]["rules"]
        documents = own_documents(stored, context, rule)
        result, after = evaluated(feature_key, rule, context["attributes"], documents)
        assert result == expected, name
        for key, document in after.items():
            assert documents_after[key] == document, name


@pytest.mark.parametrize(
    "documents",
    [
        {},
        {"id||v-1": None},
        {"id||v-1": ["hero__0"]},
        {"id||v-1": {"assignments": "b"}},
        {"id||v-1": {"assignments": {"hero__0": 7}}},
        {"id||v-1": {"assignments": {"hero__0": ["b"]}}},
        {"id||v-2": {"assignments": {"hero__0": "b"}}},
        {"account||v-1": {"assignments": {"hero__0": "b"}}},
    ],
    ids=str,
)
def test_documents_of_another_shape_or_visitor_say_nothing(documents):
    assert carried_assignments(documents, [("id", "v-1")]) == {}


def test_variant_that_is_gone_is_not_kept():
    assert kept_variant({"hero__0": "c"}, "hero", ["control", "b"]) == Kept(index=None)


def test_assignments_of_a_lower_version_send_away():
    kept = kept_variant({"hero__1": "b"}, "hero", ["control", "b"], version=2, least_version=2)
    assert kept == Kept(index=None, is_blocked=True)
