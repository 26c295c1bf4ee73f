import math
from datetime import timedelta

import pytest

from experiments.models import PastTest
from experiments.selectors import history
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.subjects import linked_subject, subjects_of
from experiments.stats.meta_analysis.learnings import common_effect, proposed_status
from tests import factories
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW


@pytest.fixture
def taught(slot):
    """Twelve imported tests in which urgency raises clicks, and three own ones on the slot."""
    for number in range(12):
        arms = ("Get the guide", 4_000, 200), ("Get the guide now", 4_000, 260 + number)
        import_test(slot.site, f"i{number}", *arms)
    for number in range(3):
        finish(slot, f"o{number}", (2_000, 200), (2_000, 150), outcome="control")
    keep_past_tests(now=NOW + timedelta(minutes=1))
    return slot.site


def of_site(site):
    return subjects_of(list(history.trusted_past_tests(site.pk)))


def shown(site):
    return {(one.kind, one.key): one for one in of_site(site)}


def status_of(subject, *, raises):
    return proposed_status(subject.effect, raises=raises).value


def test_principle_is_measured_within_every_test_that_has_both(taught):
    urgency = shown(taught)["principle", "urgency"]
    assert len(urgency.evidence) == 12
    logs = [math.log((260 + n) / 200) for n in range(12)]
    ses = [math.sqrt((1 - c / 4_000) / c + 0.95 / 200) for c in range(260, 272)]
    expected = common_effect(logs, ses).mean.mean
    assert urgency.effect.mean.mean == pytest.approx(expected)
    assert status_of(urgency, raises=True) == "confirmed"
    assert status_of(urgency, raises=False) == "refuted"


def test_slot_counts_own_tests_only_and_imports_have_no_control(taught):
    subjects = shown(taught)
    hero = subjects["slot", "hero"]
    assert len(hero.evidence) == 3
    assert {one.test.source for one in hero.evidence} == {"experiment"}
    assert status_of(hero, raises=True) == "emerging"
    assert status_of(hero, raises=False) == "supported"
    assert not [key for key in subjects if key[0] == "audience"]


def test_suspect_tests_count_for_nothing(taught):
    PastTest.objects.filter(name__in=[f"i{n}" for n in range(10)]).update(suspect=True)
    urgency = shown(taught)["principle", "urgency"]
    assert len(urgency.evidence) == 2
    assert status_of(urgency, raises=True) == "emerging"


def test_tests_of_another_site_count_for_nothing(taught, other_site):
    assert of_site(other_site) == []


def test_audience_is_a_subject(slot):
    audience = factories.make_audience(slot.site, "mobile")
    finish(slot, "m", (2_000, 200), (2_000, 150), audience=audience)
    keep_past_tests(now=NOW + timedelta(minutes=1))
    assert len(shown(slot.site)["audience", "mobile"].evidence) == 1


def test_linked_tests_are_judged_together_without_suspect_ones(taught):
    own = PastTest.objects.filter(name__startswith="o").order_by("pk")
    assert len(linked_subject(own).evidence) == 3
    PastTest.objects.filter(pk=own[0].pk).update(suspect=True)
    assert len(linked_subject(own.all()).evidence) == 2
