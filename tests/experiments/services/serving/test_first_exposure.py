"""A visitor keeps the arm: while shares change, across a log-in, and without costing a query."""

import logging
from collections import Counter
from datetime import timedelta

import pytest
from django.db import Error

from experiments.models import Event
from experiments.selectors import serving
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving import first_exposure
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
from tests.factories import NOW, STARTED


def test_only_visitors_in_doubt_cost_a_query_and_only_once(
    running_experiment, django_assert_num_queries
):
    _, before, _, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    with django_assert_num_queries(0):
        assert all(variant_of(site, v) == before[v] for v in VISITORS if v not in movers)
    with django_assert_num_queries(2 * 10):
        for visitor in movers[:10]:
            variant_of(site, visitor)
    with django_assert_num_queries(0):
        for visitor in movers[:10]:
            variant_of(site, visitor)


@pytest.mark.parametrize("is_folded", [False, True])
def test_visitor_in_doubt_keeps_the_arm_of_the_first_exposure(running_experiment, is_folded):
    before = arms_of(served())
    seen = [v for v in VISITORS if before[v] == "b"]
    for visitor in seen[:60]:
        expose(visitor, "b", at=(NOW - timedelta(days=6, hours=12)).isoformat())
    if is_folded:
        fold_pending()
        Event.objects.all().delete()
    factories.make_phases(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    assert {variant_of(site, v) for v in seen[:60]} == {"b"}
    assert {variant_of(site, v) for v in seen[60:]} == {"control", "b"}


def test_visitor_outside_a_lowered_coverage_keeps_the_arm_once_exposed(running_experiment):
    before = arms_of(served())
    expose_all = [v for v in VISITORS if before[v] == "b"][:40]
    for visitor in expose_all:
        expose(visitor, "b", at=STARTED.isoformat())
    factories.make_phases(running_experiment, HALVES, ([0.5, 0.5], 0.2))
    site = served()
    assert {variant_of(site, v) for v in expose_all} == {"b"}
    assert Counter(arms_of(site).values())["default"] > 700


@pytest.mark.parametrize("is_folded", [False, True])
def test_phase_is_that_of_the_first_exposure(running_experiment, is_folded):
    """Also of one who came before the change, whose hash has the same arm since: by a log-in."""
    courses = ([0.5, 0.5], 1.0), ([0.7, 0.3], 1.0)
    factories.make_phases(running_experiment, *courses)
    site = served()
    pairs = ((f"user-{k}", f"v-{k}") for k in range(200))
    pairs = [pair for pair in pairs if variant_of(site, pair[0]) != variant_of(site, pair[1])]
    for number, (_, former) in enumerate(pairs[:20]):
        expose(former, variant_of(site, former), phase=number % 2)
    if is_folded:
        fold_pending()
        Event.objects.all().delete()
    answers = [evaluate(served(), user, anonymousId=former) for user, former in pairs[:20]]
    assert [answer.phase for answer in answers] == [0, 1] * 10
    shares = {("control", 0): 0.5, ("b", 0): 0.5, ("control", 1): 0.7, ("b", 1): 0.3}
    assert all(answer.propensity == shares[answer.variant, answer.phase] for answer in answers)


def test_silent_database_leaves_the_visitor_drawn_and_is_left_alone(
    running_experiment, monkeypatch, caplog
):
    _, _, _, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    calls = []

    def silent(**_):
        calls.append(1)
        raise Error("gone")

    monkeypatch.setattr(serving, "first_exposure", silent)
    monkeypatch.setattr(first_exposure, "_paused_until", float("-inf"))
    site = served()
    with caplog.at_level(logging.CRITICAL):
        assert {variant_of(site, v) for v in movers} == {"control"}
    assert len(calls) == 1


def test_memory_of_looked_up_arms_is_bounded(running_experiment, monkeypatch):
    monkeypatch.setattr(first_exposure, "MAX_REMEMBERED", 5)
    _, _, _, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    for visitor in movers[:23]:
        variant_of(site, visitor)
    assert len(site.slots["hero"].experiments[0].remembered) <= 5
