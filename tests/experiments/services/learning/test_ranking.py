import pytest

from experiments.models import Experiment, HistoryArm, Site
from experiments.services.learning import ranking
from experiments.services.learning.jobs import JobFailedError
from experiments.services.learning.ranking import without_foreign_wordings
from ml import predict
from tests import factories
from tests.factories import NOW, STARTED


@pytest.mark.django_db
def test_rank_without_a_predictor_is_an_answer_and_not_a_failure():
    request = {"wordings": ["Go", "Try"], "control": "Send", "locale": "en", "audience": ""}
    result = ranking.rank_in_job(request, lambda *_: None)
    assert result["refusal"]["code"] == "no_predictor"


@pytest.mark.django_db
def test_rank_with_a_damaged_predictor_says_so(monkeypatch):
    def damaged(*_, **__):
        raise predict.PredictorError("damaged", {"detail": "checksum"})

    monkeypatch.setattr(predict, "rank_wordings", damaged)
    request = {"wordings": ["Go"], "control": "Send", "locale": "en", "audience": ""}
    with pytest.raises(JobFailedError, match="checksum"):
        ranking.rank_in_job(request, lambda *_: None)


def near(test, text):
    return {"test": test, "text": text, "visitors": 10, "clicks": 1}


@pytest.fixture
def two_owners(site, other_site):
    """The shop and the rival, of an owner each; a past test and a finished experiment each."""
    for one in (site, other_site):
        factories.make_member(one, "owner", f"owner of {one.key}")
        HistoryArm.objects.create(
            site=one, test=f"past of {one.key}", text="Go", visitors=10, clicks=1
        )
        slot = factories.make_slot(one)
        factories.make_experiment(
            slot, f"{one.key}-ended", status="stopped", started_at=STARTED, stopped_at=NOW
        )
    shown = [near("past of shop", "Go"), near("past of rival", "Go")]
    shown += [near("shop:shop-ended", "Try"), near("rival:rival-ended", "Try")]
    won = [{"rule": "own_best", "source": each["test"], "text": each["text"]} for each in shown]
    made = {"rule": "verb", "source": "Start", "text": "Begin"}
    return {
        "wordings": [{"text": "Start", "nearest": shown}],
        "notes": [],
        "suggestions": [made, *won],
    }


def shown_to(outcome, site):
    shown = without_foreign_wordings(outcome, {"site": site})
    tests = [near["test"] for row in shown["wordings"] for near in row["nearest"]]
    made, *won = shown["suggestions"]
    assert made["text"] == "Begin"
    # A wording is offered once; equal ones of several tests stand for each other here.
    assert {each["source"] for each in won} == set(tests)
    return tests


SHOPS = ["past of shop", "shop:shop-ended"]
RIVALS = ["past of rival", "rival:rival-ended"]


def test_past_wordings_of_a_site_of_another_owner_are_not_shown(two_owners):
    assert shown_to(two_owners, "shop") == SHOPS
    assert shown_to(two_owners, "rival") == RIVALS
    # A ranking for no site: nobody's own.
    assert shown_to(two_owners, None) == []


def test_site_that_teaches_others_is_shown(two_owners, other_site):
    Site.objects.filter(pk=other_site.pk).update(teaches_others=True)
    assert set(shown_to(two_owners, "shop")) == {*SHOPS, *RIVALS}
    shown = without_foreign_wordings(two_owners, {"site": "shop"})
    marks = {
        near["test"]: near.get("of_another_site", False) for near in shown["wordings"][0]["nearest"]
    }
    assert marks == {**dict.fromkeys(SHOPS, False), **dict.fromkeys(RIVALS, True)}
    assert {each["source"] for each in shown["suggestions"] if each.get("of_another_site")} == set(
        RIVALS
    )
    assert shown_to(two_owners, "rival") == RIVALS


def test_name_of_another_site_s_test_opens_nothing(two_owners, site):
    """An experiment of one's own with the other's key is another test."""
    Experiment.objects.filter(key="rival-ended").delete()
    factories.make_experiment(factories.make_slot(site, "footer"), "rival-ended")
    assert "rival:rival-ended" not in shown_to(two_owners, "shop")
