from datetime import timedelta

import pytest

from experiments import tasks
from experiments.models import Decision, HistoryArm, PastTest, Variant
from experiments.services.archive.keeping import keep_past_tests, rebuild_past_tests
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
LATER = NOW + timedelta(minutes=1)


def names():
    return sorted(PastTest.objects.values_list("name", flat=True))


def test_finished_and_imported_tests_come_in_once(won, slot, running_experiment):
    import_test(slot.site, "t", ("Get it", 1_000, 90), ("Take it", 1_000, 80))
    assert keep_past_tests(now=LATER) == 2
    assert names() == ["t", "won"]
    assert keep_past_tests(now=LATER) == 0


def test_decision_that_comes_later_is_taken_over(slot):
    experiment = finish(slot, "won", (1_000, 60), (1_000, 150))
    keep_past_tests(now=LATER)
    arm, moment = experiment.variants.get(key="b"), LATER + timedelta(hours=1)
    Decision.objects.create(experiment=experiment, outcome="winner", winner=arm, decided_at=moment)
    assert keep_past_tests(now=LATER + timedelta(hours=2)) == 1
    assert PastTest.objects.get().verdict == "winner"


def test_import_counted_anew_or_deleted_is_followed(site):
    import_test(site, "t", ("Get it", 1_000, 90), ("Take it", 1_000, 80))
    import_test(site, "u", ("Get it", 1_000, 90), ("Take it", 1_000, 80))
    keep_past_tests(now=NOW)
    HistoryArm.objects.filter(test="t", text="Get it").update(clicks=200)
    assert keep_past_tests(now=LATER) == 2
    assert PastTest.objects.get(name="t").verdict == "different"
    HistoryArm.objects.filter(test="t").delete()
    keep_past_tests(now=LATER + timedelta(minutes=1))
    assert names() == ["u"]
    HistoryArm.objects.all().delete()
    keep_past_tests(now=LATER + timedelta(minutes=2))
    assert names() == []


def test_experiments_beyond_one_run_wait_for_the_next(slot):
    for number in range(3):
        finish(slot, f"t{number}", (1_000, 60), (1_000, 70))
    assert [keep_past_tests(now=LATER, most=2) for _ in range(3)] == [2, 1, 0]


def test_night_makes_rows_anew_without_a_change_of_sums(won, site):
    import_test(site, "t", ("Get it", 1_000, 90), ("Take it", 1_000, 80))
    keep_past_tests(now=LATER)
    HistoryArm.objects.update(audience="mobile")
    wording = Variant.objects.get(experiment=won, key="b").cta.wordings.get()
    wording.text = "Réserver"
    wording.save()
    assert keep_past_tests(now=LATER + timedelta(minutes=1)) == 0
    assert rebuild_past_tests(now=LATER + timedelta(minutes=2)) == 2
    assert PastTest.objects.get(source="import").audience == "mobile"
    assert "reserver" in PastTest.objects.get(experiment=won).words


def test_clock_keeps_and_rebuilds(won):
    tasks.keep_past_tests()
    assert names() == ["won"]
    PastTest.objects.update(name="old")
    tasks.rebuild_past_tests()
    assert names() == ["won"]
