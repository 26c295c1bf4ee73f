import logging
from datetime import timedelta

import pytest

from experiments.event_schema.messages import MAX_AGE
from experiments.models import Experiment, ServerKey, Site, Variant
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)


def built():
    return build_snapshot(revision=1, now=NOW)


def test_snapshot_holds_each_site_with_its_own_slots(site, other_site):
    factories.make_slot(site, "hero")
    factories.make_slot(site, "footer")
    keys = built().client_keys
    assert list(keys["shop-client-key"].slots) == ["footer", "hero"]
    assert list(keys["rival-client-key"].slots) == []


def test_queries_do_not_grow_with_the_catalogue(running_experiment, django_assert_num_queries):
    # Experiments, arms, wordings, phases; slots, wordings; keys of servers, former ones; sites and
    # the keys of their digests.
    with django_assert_num_queries(10):
        built()
    for number in range(3):
        site = factories.make_site(f"site-{number}")
        factories.make_server_key(site)
        for slot in (factories.make_slot(site, "a"), factories.make_slot(site, "b")):
            factories.make_running_experiment(slot, f"{site.key}-{slot.key}")
    with django_assert_num_queries(10):
        built()


def test_experiment_is_compiled_with_shares_coverage_and_namespace(slot):
    space = slot.site.namespaces.create(key="space", seed="space-seed")
    factories.make_running_experiment(
        slot,
        shares={"control": "0.2", "b": "0.3", "c": "0.5"},
        coverage="0.5",
        seed="old-seed",
        namespace=space,
        namespace_start="0.25",
        namespace_end="0.75",
    )
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert served.allocation.seed == "old-seed"
    assert served.allocation.ranges == ((0.0, 0.1), (0.2, 0.35), (0.5, 0.75))
    assert served.allocation.filters[0].seed == "space-seed"
    assert served.allocation.filters[0].ranges == ((0.25, 0.75),)
    assert [variant.propensity for variant in served.variants] == [0.2, 0.3, 0.5]


def test_holdout_and_namespace_are_filters_of_every_experiment(site):
    Site.objects.update(holdout="0.1")
    space = site.namespaces.create(key="space", seed="space-seed", unit="company")
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.5"}
    factories.make_running_experiment(factories.make_slot(site), **part)
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    held_out, namespace = served.allocation.filters
    assert (held_out.seed, held_out.ranges, held_out.unit) == ("shop:holdout", ((0.1, 1.0),), None)
    assert (namespace.seed, namespace.unit) == ("space-seed", "company")


def test_phases_are_compiled_with_the_arms_of_before(running_experiment):
    factories.make_phases(
        running_experiment, ([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0), every=NOW - STARTED
    )
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert [phase.propensities for phase in served.phases] == [(0.5, 0.5), (0.8, 0.2)]
    assert served.allocation.arms == (0, 1, 0)
    assert [[one.arm for one in piece.former] for piece in served.allocation.pieces] == [
        *([[]] * 3),
        [1],
        [],
    ]
    assert served.phase_at(NOW - DAY).number == served.phase_at(STARTED - DAY).number == 0
    assert served.phase_at(NOW).number == 1


def test_seed_is_the_key_unless_given(running_experiment):
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert served.allocation.seed == "hero-test"


@pytest.mark.parametrize(
    ("status", "stopped_at", "is_there"),
    [
        ("draft", None, False),
        ("running", None, True),
        ("paused", None, True),
        ("stopped", NOW - DAY, True),
        ("archived", NOW - DAY, True),
        ("stopped", NOW - MAX_AGE - DAY, False),
    ],
)
def test_experiments_stay_while_events_may_come(slot, status, stopped_at, is_there):
    factories.make_experiment(slot, status=status, started_at=NOW - 40 * DAY, stopped_at=stopped_at)
    experiments = built().client_keys["shop-client-key"].slots["hero"].experiments
    assert len(experiments) == is_there


def test_imported_figures_are_not_served(running_experiment):
    Experiment.objects.update(origin=Experiment.Origin.IMPORTED)
    assert built().client_keys["shop-client-key"].slots["hero"].experiments == ()


def test_broken_experiment_costs_no_other_slot_its_own(running_experiment, caplog):
    footer = factories.make_slot(running_experiment.slot.site, "footer")
    factories.make_running_experiment(footer, "footer-test")
    Variant.objects.filter(experiment=running_experiment, arm=1).update(share="0.1")
    with caplog.at_level(logging.ERROR):
        slots = built().client_keys["shop-client-key"].slots
    assert slots["hero"].experiments == ()
    assert [one.key for one in slots["footer"].experiments] == ["footer-test"]
    assert "hero-test cannot be served" in caplog.text
    assert "shares" in caplog.text


def test_revoked_key_opens_nothing(site, server_key):
    assert server_key_digest(server_key) in built().server_key_digests
    ServerKey.objects.update(revoked_at=NOW)
    assert built().server_key_digests == {}


@pytest.mark.parametrize("is_demo", [True, False])
def test_published_keys_are_for_the_demo(db, settings, is_demo):
    settings.CTAOPT_DEMO = is_demo
    site = factories.make_site("demo")
    factories.make_server_key(site, "demo-server-key")
    snapshot = built()
    assert ("demo-client-key" in snapshot.client_keys) is is_demo
    assert bool(snapshot.server_key_digests) is is_demo


def opened(snapshot):
    return set(snapshot.client_keys) | set(snapshot.server_key_digests)


def test_key_is_out_of_the_snapshot_once_it_expires(site):
    digest = server_key_digest(factories.make_server_key(site, expires_at=NOW + DAY))
    snapshot = built()
    assert digest in opened(snapshot)
    assert snapshot.without_expired(NOW) is snapshot
    later = snapshot.without_expired(NOW + DAY)
    assert digest not in opened(later)
    assert (later.closed[digest], later.expirations) == ("expired", {})


def test_key_that_has_expired_or_is_revoked_is_named_with_its_reason(site):
    old = factories.make_server_key(site, "old-secret", expires_at=NOW)
    gone = factories.make_server_key(site, "gone-secret", expires_at=NOW, revoked_at=NOW)
    snapshot = built()
    assert snapshot.server_key_digests == {}
    assert snapshot.closed == {
        server_key_digest(old): "expired",
        server_key_digest(gone): "revoked",
    }


def test_replaced_client_key_opens_the_site_until_its_overlap_is_over(site):
    site.former_client_keys.create(key="old-page", replaced_at=NOW, expires_at=NOW + DAY)
    snapshot = built()
    assert snapshot.client_keys["old-page"] is snapshot.client_keys["shop-client-key"]
    later = snapshot.without_expired(NOW + DAY)
    assert set(later.client_keys) == {"shop-client-key"}
    assert later.closed["old-page"] == "expired"


def test_key_in_use_is_not_ended_by_a_former_one_of_the_same_text(site):
    site.former_client_keys.create(key=site.client_key, replaced_at=NOW, expires_at=NOW)
    assert set(built().client_keys) == {"shop-client-key"}
