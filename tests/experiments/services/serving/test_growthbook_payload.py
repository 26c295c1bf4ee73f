"""The payload against OFREP's evaluation: released SDKs are the referee."""

import random

import pytest
from growthbook import GrowthBook

from experiments.api.public.http import encode_json
from experiments.models import Experiment, Site
from experiments.services.serving.evaluation import NoWordingError, evaluate_slot
from experiments.services.serving.growthbook_payload import LOCALE_FEATURE, payload_of
from tests import factories
from tests.experiments.services.serving.visitors import served
from tests.factories import NOW
from tests.node import run_node

N_VISITORS = 3_000


def feature(slot="hero"):
    return payload_of(served())["features"][slot]


def test_slot_without_experiment_is_its_default_cta(slot):
    assert payload_of(served()) == {
        "features": {"hero": {"defaultValue": dict(served().slots["hero"].default_values["en"])}}
    }


def test_experiment_is_a_rule_of_hash_version_2_with_explicit_ranges(slot):
    audience = factories.make_audience(slot.site, condition={"device": "mobile"})
    factories.make_running_experiment(
        slot, shares={"control": "0.25", "b": "0.75"}, coverage="0.5", seed="s", audience=audience
    )
    (rule,) = feature()["rules"]
    assert [value["text"] for value in rule.pop("variations")] == [
        "hero-test control",
        "hero-test b",
    ] * 2
    assert rule == {
        "key": "hero-test",
        "name": "hero-test",
        "phase": "0",
        "seed": "s",
        "hashVersion": 2,
        "hashAttribute": "id",
        "meta": [
            {"key": "control@0", "name": "control"},
            {"key": "b@0", "name": "b"},
            # Of sticky buckets from times without phases in keys.
            {"key": "control", "name": "control"},
            {"key": "b", "name": "b"},
        ],
        "weights": [0.25, 0.75, 0, 0],
        "coverage": 0.5,
        "ranges": [[0.0, 0.125], [0.25, 0.625], [0, 0], [0, 0]],
        "condition": {"device": "mobile"},
    }


def test_namespace_is_a_filter_of_hash_version_2(slot):
    space = slot.site.namespaces.create(key="space", seed="space-seed")
    factories.make_running_experiment(
        slot, namespace=space, namespace_start="0.25", namespace_end="1"
    )
    (rule,) = feature()["rules"]
    # `namespace` would be hashed with version 1.
    assert "namespace" not in rule
    assert rule["filters"] == [
        {"seed": "space-seed", "ranges": [[0.25, 1.0]], "hashVersion": 2, "attribute": "id"}
    ]


def test_holdout_is_a_filter_of_every_experiment(running_experiment):
    Site.objects.update(holdout="0.05")
    (rule,) = feature()["rules"]
    assert rule["filters"] == [
        {"seed": "shop:holdout", "ranges": [[0.05, 1.0]], "hashVersion": 2, "attribute": "id"}
    ]


def test_arm_with_several_ranges_is_as_many_variations_of_one_key(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0))
    (rule,) = feature()["rules"]
    assert rule["ranges"] == [[0.0, 0.5], [0.5, 0.7], [0.7, 1.0], *[[0.0, 0.0]] * 4]
    keys = ["control@1", "b@1", "control@1", "control@0", "b@0", "control", "b"]
    assert [one["key"] for one in rule["meta"]] == keys
    assert rule["variations"][0] == rule["variations"][2] == rule["variations"][3]
    assert rule["weights"] == pytest.approx([0.5, 0.2, 0.3, 0, 0, 0, 0])
    assert rule["phase"] == "1"


@pytest.mark.parametrize("status", ["draft", "paused", "stopped"])
def test_only_running_experiments_are_rules(running_experiment, status):
    Experiment.objects.update(status=status, stopped_at=NOW if status == "stopped" else None)
    assert "rules" not in feature()


def test_one_language_needs_no_prerequisite(running_experiment):
    assert len(feature()["rules"]) == 1
    assert LOCALE_FEATURE not in payload_of(served())["features"]


def test_payload_names_no_secret(running_experiment, server_key):
    text = encode_json(payload_of(served())).decode()
    for secret in (server_key, "hypothesis", "propensity", "digest"):
        assert secret not in text


def make_catalogue(site):
    """Slots with all that decides: shares, coverage, audiences, namespaces, languages."""
    for key in ("hero", "plain", "shared", "wordless"):
        factories.make_slot(site, key, default_cta=make_cta(site, f"default {key}"))
    hero, shared = site.slots.get(key="hero"), site.slots.get(key="shared")
    conditions = {
        "mobile": {"device": "mobile", "age": {"$gte": 18}},
        "mail": {"$or": [{"utm.source": {"$in": ["mail", "ads"]}}, {"country": {"$ne": "FR"}}]},
        "pricing": {"path": {"$regex": "^/pricing"}, "tags": {"$elemMatch": {"$eq": "vip"}}},
    }
    for key, condition in conditions.items():
        audience = factories.make_audience(site, key, condition)
        shares = {"control": "0.5", "b": "0.2", "c": "0.3"}
        factories.make_running_experiment(
            hero, f"hero-{key}", audience=audience, shares=shares, coverage="0.7"
        )
    rest = factories.make_running_experiment(
        hero, "hero-rest", shares={"control": "0.9", "b": "0.1"}
    )
    factories.make_phases(rest, ([0.5, 0.5], 0.4), ([0.7, 0.3], 0.4), ([0.9, 0.1], 1.0))
    space = site.namespaces.create(key="space", seed="space")
    for key, start, end in (("one", "0", "0.3"), ("two", "0.3", "0.5"), ("three", "0.7", "1")):
        part = {"namespace": space, "namespace_start": start, "namespace_end": end}
        factories.make_running_experiment(shared, f"shared-{key}", **part)
    accounts = site.namespaces.create(key="accounts", seed="accounts", unit="account")
    part = {"namespace": accounts, "namespace_start": "0.2", "namespace_end": "0.8"}
    factories.make_running_experiment(site.slots.get(key="plain"), "accounts", **part)
    Site.objects.update(holdout="0.1")
    for number, variant in enumerate(site.slots.get(key="hero").experiments.first().variants.all()):
        variant.cta.wordings.create(locale=("fr", "fr-CA", "pt-BR")[number], text=f"Oui {number}")
    site.slots.get(key="wordless").default_cta.wordings.all().delete()


def make_cta(site, text):
    return factories.make_cta(site, text, wordings={"en": text, "fr": f"{text} fr"})


def make_visitors(rng):
    def visitor(number):
        values = {
            "id": rng.choice(
                (f"v-{number}", f"visiteur é{number}", f"{number:032x}", f"☃\U0001f600{number}")
            ),
            "device": rng.choice(("mobile", "desktop")),
            "age": rng.randint(10, 40),
            "account": rng.choice(("acme", "société", 12, "", None)),
            "country": rng.choice(("FR", "DE")),
            "utm": {"source": rng.choice(("mail", "ads", "search"))},
            "path": rng.choice(("/pricing/1", "/", "/blog/pricing")),
            "tags": rng.choice(([], ["vip"], ["new", "vip"])),
            "locale": rng.choice(
                (
                    "fr",
                    "fr-CA",
                    "fr_BE",
                    "FR",
                    "pt-br",
                    "pt",
                    "pt-PT",
                    "en_GB",
                    "",
                    "fr\n",
                    "-",
                    ["fr"],
                )
            ),
        }
        # Every other attribute may be unknown.
        return {key: value for key, value in values.items() if key == "id" or rng.random() < 0.9}

    return [visitor(number) for number in range(N_VISITORS)]


@pytest.fixture
def visitors():
    return make_visitors(random.Random(20_261_125))  # noqa: S311  a test's dice


@pytest.fixture
def expected(site, visitors):
    """Experiment, variant and value by OFREP's evaluation, for every visitor and slot."""
    make_catalogue(site)
    whole = served()
    return [[answer(whole, slot, visitor) for slot in whole.slots] for visitor in visitors]


def answer(whole, slot, visitor):
    try:
        one = evaluate_slot(whole, slot, visitor=visitor["id"], attributes=visitor)
    except NoWordingError:
        return [None, "default", None]
    key = one.variant if one.experiment is None else f"{one.variant}@{one.phase}"
    return [one.experiment, key, dict(one.value)]


def disagreements(expected, found):
    pairs = zip(expected, found, strict=True)
    return [(number, *pair) for number, pair in enumerate(pairs) if pair[0] != pair[1]]


def test_visitors_meet_every_experiment_and_language(expected):
    met = {(experiment, variant) for row in expected for experiment, variant, _ in row}
    assert len(met) == 3 * 3 + 2 + 3 * 2 + 2 + 1
    assert {value["locale"] for row in expected for *_, value in row if value} == {
        *("en", "fr", "fr-CA", "pt-BR")
    }


def test_python_sdk_gives_every_visitor_the_arm_and_words_of_ofrep(expected, visitors):
    payload = payload_of(served())
    sdk = GrowthBook(features=payload["features"])
    found = []
    for visitor in visitors:
        sdk.set_attributes(visitor)
        results = [sdk.eval_feature(slot) for slot in served_slots()]
        found.append([python_answer(result) for result in results])
    assert disagreements(expected, found) == []


def served_slots():
    return ["hero", "plain", "shared", "wordless"]


def python_answer(result):
    if result.experiment is None:
        return [None, "default", result.value]
    return [result.experiment.key, result.experimentResult.key, result.value]


def test_javascript_sdk_gives_every_visitor_the_arm_and_words_of_ofrep(expected, visitors):
    content = {"payload": payload_of(served()), "visitors": visitors, "slots": served_slots()}
    assert disagreements(expected, run_node("growthbook.mjs", content)) == []
