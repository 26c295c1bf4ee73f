import math
from datetime import timedelta

import pytest
from django.core.cache import cache

from experiments.models import HistoryArm, Learning, PastTest
from experiments.services.archive import site_learnings as module
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.site_learnings import (
    knowledge_of,
    learnings_as_json,
    site_learnings,
)
from experiments.stats.meta_analysis.learnings import common_effect
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def taught(slot):
    """Twelve imported tests in which urgency raises clicks, and three own ones on the slot."""
    for number in range(12):
        arms = ("Get the guide", 4_000, 200), ("Get the guide now", 4_000, 260 + number)
        import_test(slot.site, f"i{number}", *arms)
    for number in range(3):
        finish(slot, f"o{number}", (2_000, 200), (2_000, 150), outcome="control")
    keep_past_tests(now=LATER)
    return slot.site


def urgency_of(site):
    shown = site_learnings(site).subjects
    return next(one for one in shown if (one.kind, one.key) == ("principle", "urgency"))


def test_subject_has_figures_and_its_latest_tests(taught):
    urgency = urgency_of(taught)
    logs = [math.log((260 + n) / 200) for n in range(12)]
    ses = [math.sqrt((1 - c / 4_000) / c + 0.95 / 200) for c in range(260, 272)]
    belief = common_effect(logs, ses).mean
    low, middle, high = urgency.lift
    assert middle == pytest.approx(math.expm1(belief.mean))
    assert (low, high) == pytest.approx([math.expm1(end) for end in belief.interval(0.95)])
    assert (urgency.n_tests, len(urgency.latest)) == (12, 5)
    newest = urgency.latest[0]
    assert newest.name == PastTest.objects.get(pk=newest.pk).name
    assert newest.lift == pytest.approx((260 + int(newest.name[1:])) / 200 - 1)


def test_same_archive_is_computed_once(taught, monkeypatch):
    first = site_learnings(taught)
    monkeypatch.setattr(module, "subjects_of", lambda _: pytest.fail("computed again"))
    again = site_learnings(taught)
    assert [(one.key, one.lift) for one in again.subjects] == [
        (one.key, one.lift) for one in first.subjects
    ]
    assert again.record == first.record


def test_changed_archive_is_computed_anew(taught):
    assert urgency_of(taught).n_tests == 12
    HistoryArm.objects.filter(test="i0").delete()
    keep_past_tests(now=LATER + timedelta(minutes=1))
    assert urgency_of(taught).n_tests == 11
    before = urgency_of(taught).lift[1]
    HistoryArm.objects.filter(text="Get the guide now").update(clicks=300)
    keep_past_tests(now=LATER + timedelta(minutes=2))
    assert urgency_of(taught).lift[1] > before + 0.05


def test_learnings_of_another_site_are_its_own(taught, other_site):
    assert site_learnings(taught).subjects
    assert site_learnings(other_site).subjects == ()


def learning(site, **values):
    return Learning.objects.create(site=site, statement="S", written_at=NOW, **values)


def test_learning_is_judged_on_all_tests_of_its_subject_not_on_the_chosen_ones(taught):
    claim = learning(taught, kind="principle", subject="urgency", raises=False)
    claim.tests.set(PastTest.objects.filter(name="i0"))
    found = knowledge_of(claim, site_learnings(taught).subjects)
    assert (found.n_tests, found.status(raises=False)) == (12, "refuted")


def test_learning_without_a_subject_rests_on_its_tests(taught):
    claim = learning(taught, raises=False)
    claim.tests.set(PastTest.objects.filter(name__startswith="o"))
    assert knowledge_of(claim, ()).status(raises=False) == "supported"
    assert knowledge_of(learning(taught), ()).status(raises=True) == "emerging"


def test_subject_that_no_test_has_is_emerging(taught):
    claim = learning(taught, kind="audience", subject="mobile")
    found = knowledge_of(claim, site_learnings(taught).subjects)
    assert (found.effect, found.lift, found.status(raises=True)) == (None, None, "emerging")


def test_json_has_the_figures_of_the_page(taught):
    claim = learning(taught, kind="principle", subject="urgency", raises=False)
    claim.tests.set(PastTest.objects.filter(name="i0"))
    content = learnings_as_json(taught)
    urgency = next(one for one in content["subjects"] if one["subject"] == "urgency")
    assert (urgency["status"], urgency["raises"], urgency["n_tests"]) == ("confirmed", True, 12)
    assert urgency["lift_low"] < urgency["lift"] < urgency["lift_high"]
    (written,) = content["learnings"]
    assert (written["status"], written["raises"], written["lift"]) == (
        "refuted",
        False,
        urgency["lift"],
    )
    # Of a fall, where the tests are sure of a rise.
    assert written["chance"] == pytest.approx(1 - urgency["chance"])
    assert written["tests"] == list(claim.tests.values_list("pk", flat=True))
    assert content["track_record"]["n_decided"] == 3
