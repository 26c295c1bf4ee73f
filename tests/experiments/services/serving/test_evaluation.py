from collections import Counter

import pytest
from scipy.stats import chisquare

from experiments.models import CTAWording, Experiment
from experiments.services.serving.evaluation import (
    NoWordingError,
    UnknownSlotError,
    site_of_key,
)
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.serving.visitors import evaluate, served
from tests.factories import NOW


def variants_of(site, n_visitors=2_000, **attributes):
    """How many of these visitors get which variant."""
    drawn = (evaluate(site, f"v-{n}", **attributes) for n in range(n_visitors))
    return Counter((one.experiment, one.variant) for one in drawn)


def test_visitors_are_split_by_the_shares(slot):
    shares = {"control": "0.2", "b": "0.3", "c": "0.5"}
    factories.make_running_experiment(slot, shares=shares)
    counts = variants_of(served())
    observed = [counts["hero-test", key] for key in shares]
    assert chisquare(observed, [400, 600, 1_000]).pvalue > 0.001


def test_uncovered_visitors_get_the_default(slot):
    factories.make_running_experiment(slot, coverage="0.25")
    counts = variants_of(served())
    assert (
        chisquare([counts[None, "default"], 2_000 - counts[None, "default"]], [1_500, 500]).pvalue
        > 0.001
    )


def test_only_the_audience_takes_part(slot):
    audience = factories.make_audience(slot.site, condition={"device": "mobile"})
    factories.make_running_experiment(slot, audience=audience)
    assert variants_of(served(), 50).keys() == {(None, "default")}
    assert (None, "default") not in variants_of(served(), 50, device="mobile")


def test_visitor_who_must_not_be_told_apart_takes_part_in_nothing(slot):
    factories.make_running_experiment(slot)
    assert variants_of(served(), 50, measured=False).keys() == {(None, "default")}
    assert (None, "default") not in variants_of(served(), 50, measured=True)


def test_first_started_experiment_that_takes_a_visitor_in_has_them(slot):
    mobile = factories.make_audience(slot.site, "mobile", {"device": "mobile"})
    factories.make_running_experiment(slot, "later", started_at=NOW)
    factories.make_running_experiment(slot, "earlier", audience=mobile)
    by_experiment = {key for key, _ in variants_of(served(), 50, device="mobile")}
    assert by_experiment == {"earlier"}
    assert {key for key, _ in variants_of(served(), 50)} == {"later"}


def test_namespaces_keep_experiments_apart(slot):
    space = slot.site.namespaces.create(key="space", seed="space")
    for key, start, end in (("one", "0", "0.5"), ("two", "0.5", "1")):
        factories.make_running_experiment(
            slot, key, namespace=space, namespace_start=start, namespace_end=end
        )
    by_experiment = Counter()
    for (key, _), count in variants_of(served()).items():
        by_experiment[key] += count
    assert by_experiment.keys() == {"one", "two"}
    assert chisquare(list(by_experiment.values())).pvalue > 0.001


def test_paused_experiment_lets_the_next_one_have_its_visitors(slot):
    factories.make_running_experiment(slot, "paused", status=Experiment.Status.PAUSED)
    assert variants_of(served(), 20).keys() == {(None, "default")}


def test_unknown_slot_is_an_error(running_experiment):
    with pytest.raises(UnknownSlotError, match="footer"):
        evaluate(served(), slot="footer")


def test_slot_whose_cta_says_nothing_is_an_error(slot):
    CTAWording.objects.all().delete()
    with pytest.raises(NoWordingError, match="slot 'hero' has no wording"):
        evaluate(served())


def test_site_of_key_knows_both_kinds_of_key(site, server_key):
    snapshot = build_snapshot(revision=1, now=NOW)
    found = [site_of_key(snapshot, key) for key in (site.client_key, server_key)]
    assert [one.key for one in found] == ["shop", "shop"]
    assert site_of_key(snapshot, "é unknown") is None
