import math
from datetime import timedelta

import pytest

from experiments.models import Learning, PastTest
from experiments.selectors import history
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.subjects import subject_of, subjects_of
from experiments.stats.meta_analysis.learnings import common_effect
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


def test_principle_is_measured_within_every_test_that_has_both(taught):
    urgency = shown(taught)["principle", "urgency"]
    assert len(urgency.evidence) == 12
    logs = [math.log((260 + n) / 200) for n in range(12)]
    ses = [math.sqrt((1 - c / 4_000) / c + 0.95 / 200) for c in range(260, 272)]
    expected = common_effect(logs, ses).mean.mean
    assert urgency.effect.mean.mean == pytest.approx(expected)
    assert urgency.status(raises=True) == "confirmed"
    assert urgency.status(raises=False) == "refuted"


def test_slot_counts_own_tests_only_and_imports_have_no_control(taught):
    subjects = shown(taught)
    hero = subjects["slot", "hero"]
    assert len(hero.evidence) == 3
    assert {one.test.source for one in hero.evidence} == {"experiment"}
    assert hero.status(raises=True) == "emerging"
    assert hero.status(raises=False) == "supported"
    assert not [key for key in subjects if key[0] == "audience"]


def test_suspect_tests_count_for_nothing(taught):
    PastTest.objects.filter(name__in=[f"i{n}" for n in range(10)]).update(suspect=True)
    urgency = shown(taught)["principle", "urgency"]
    assert len(urgency.evidence) == 2
    assert urgency.status(raises=True) == "emerging"


def test_tests_of_another_site_count_for_nothing(taught, other_site):
    assert of_site(other_site) == []


def learning(site, **values):
    return Learning.objects.create(site=site, statement="S", written_at=NOW, **values)


def test_learning_is_judged_on_all_tests_of_its_subject_not_on_the_chosen_ones(taught):
    claim = learning(taught, kind="principle", subject="urgency", raises=False)
    claim.tests.set(PastTest.objects.filter(name="i0"))
    found = subject_of(claim, of_site(taught))
    assert (len(found.evidence), found.status(raises=False)) == (12, "refuted")


def test_learning_without_a_subject_rests_on_its_tests(taught):
    claim = learning(taught, raises=False)
    claim.tests.set(PastTest.objects.filter(name__startswith="o"))
    assert subject_of(claim, []).status(raises=False) == "supported"
    assert subject_of(learning(taught), []).status(raises=True) == "emerging"


def test_subject_that_no_test_has_is_emerging(taught):
    claim = learning(taught, kind="audience", subject="mobile")
    found = subject_of(claim, of_site(taught))
    assert (found.effect, found.status(raises=True)) == (None, "emerging")


def test_audience_is_a_subject(slot):
    audience = factories.make_audience(slot.site, "mobile")
    finish(slot, "m", (2_000, 200), (2_000, 150), audience=audience)
    keep_past_tests(now=NOW + timedelta(minutes=1))
    assert len(shown(slot.site)["audience", "mobile"].evidence) == 1
