import threading

import pytest
from django.db import connection

from experiments.models import HistoryArm, Site
from experiments.services.learning import principles as module
from experiments.services.learning.principles import principles
from tests import factories


@pytest.fixture(autouse=True)
def measurements(monkeypatch):
    """Count the measurements; none is kept from another test."""
    module._kept.clear()
    counted, measure = [], module.predict.measure_principles

    def counting(rows, **question):
        counted.append(question)
        return measure(rows, **question)

    monkeypatch.setattr(module.predict, "measure_principles", counting)
    yield counted
    module._kept.clear()


@pytest.fixture
def arms(site):
    rows = [
        HistoryArm(
            site=site, test=f"t-{n}", text=text, visitors=1_000, clicks=clicks, digest=text + str(n)
        )
        for n in range(4)
        for text, clicks in (("Get your gift", 90), ("Read on", 60))
    ]
    return HistoryArm.objects.bulk_create(rows)


def asked(**question):
    return principles(sites=Site.objects.all(), **question)


def test_archive_is_measured_once(arms, measurements):
    assert asked() == asked()
    assert asked()["tests"] == 4
    assert len(measurements) == 1


def more_clicks(arms):
    HistoryArm.objects.filter(pk=arms[0].pk).update(clicks=91)


def new_wording(arms):
    HistoryArm.objects.create(
        site=arms[0].site, test="t-9", text="New", visitors=10, clicks=1, digest="new"
    )


def one_less(arms):
    arms[0].delete()


def now_suspect(arms):
    HistoryArm.objects.filter(pk=arms[0].pk).update(suspect=True)


def finished_experiment(arms):
    slot = factories.make_slot(arms[0].site, "other")
    experiment = factories.make_running_experiment(slot, "finished")
    factories.make_rollup(experiment.variants.first(), visitors=10)
    experiment.status = "stopped"
    experiment.stopped_at = factories.NOW
    experiment.save()


@pytest.mark.parametrize(
    "change", [more_clicks, new_wording, one_less, now_suspect, finished_experiment]
)
def test_change_of_the_archive_is_measured(arms, measurements, change):
    asked()
    change(arms)
    asked()
    asked()
    assert len(measurements) == 2


def test_each_question_has_its_own_answer(arms, measurements, other_site):
    asked()
    asked(locale="fr")
    asked(audience="new")
    principles(sites=Site.objects.filter(pk=other_site.pk))
    assert len(measurements) == 4


def test_those_who_ask_together_wait_for_one_measurement(real_database, monkeypatch):
    site = factories.make_site()
    HistoryArm.objects.create(site=site, test="t", text="a", visitors=9, clicks=1, digest="a")
    counted, together = [], threading.Barrier(4)
    monkeypatch.setattr(
        module.predict, "measure_principles", lambda rows, **_: counted.append(list(rows)) or {}
    )

    def ask():
        together.wait(timeout=240)
        asked()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert len(counted) == 1


def test_answer_that_is_kept_waits_for_no_other_measurement(real_database, monkeypatch):
    site = factories.make_site()
    HistoryArm.objects.create(site=site, test="t", text="a", visitors=9, clicks=1, digest="a")
    measuring, let_go = threading.Event(), threading.Event()

    def measure(rows, *, locale, **_):
        if locale == "fr":
            measuring.set()
            assert let_go.wait(timeout=240)
        return {"locale": locale}

    def ask_in_french():
        asked(locale="fr")
        connection.close()

    monkeypatch.setattr(module.predict, "measure_principles", measure)
    asked(locale="en")
    slow = threading.Thread(target=ask_in_french)
    slow.start()
    assert measuring.wait(timeout=240)
    answers = []

    def ask_again():
        answers.append(asked(locale="en"))
        connection.close()

    quick = threading.Thread(target=ask_again)
    quick.start()
    quick.join(timeout=240)
    found = list(answers)
    let_go.set()
    for thread in (slow, quick):
        thread.join(timeout=240)
    assert found == [{"locale": "en"}]


def test_as_many_answers_are_kept_as_are_allowed(arms, measurements, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 2)
    for locale in ("en", "fr", "de", "fr", "de", "en"):
        asked(locale=locale)
    assert [one["locale"] for one in measurements] == ["en", "fr", "de", "en"]
