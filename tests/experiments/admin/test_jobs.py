import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django.asserts import assertInHTML

from experiments.models import Experiment, Job, Upload
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.learning.learning_curve import REQUEST
from ml import predict
from tests import factories
from tests.factories import NOW

RANK = {"control": "Envoyer", "wordings": "Recevoir mon guide\n\nRecevoir mon guide\nOK"}


def make_job(kind, **changes):
    moments = {"created_at": NOW, "heartbeat_at": NOW, "language": "en"}
    return Job.objects.create(kind=kind, **(moments | changes))


def watch(client, job):
    return client.get(reverse("admin:experiments_job_watch", args=[job.pk])).content.decode()


def test_who_made_a_job_is_named_in_french():
    with translation.override("fr"):
        assert Job._meta.get_field("created_by").verbose_name == "créée par"
        assert Upload._meta.get_field("created_by").verbose_name == "par"


def test_rank_page_says_that_there_is_no_predictor(admin_client):
    page = admin_client.get(reverse("admin:experiments_job_rank")).content.decode()
    assert "None yet: no prediction is possible." in page


def test_rank_enqueues_a_job_with_each_wording_once(
    admin_client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse("admin:experiments_job_rank"), RANK | {"locale": "fr"})
    job = Job.objects.get()
    assert job.request["wordings"] == ["Recevoir mon guide", "OK"]
    # Tasks run at once in the tests: without a predictor that is an answer, too.
    assert job.status == "done"
    assert "no predictor is active" in watch(admin_client, job)


def test_rank_is_shown_at_once_where_the_scoring_service_runs(admin_client, monkeypatch):
    refusal = {"code": "no_predictor", "params": {}}
    answer = {"predictor": None, "wordings": [], "refusal": refusal, "notes": []}
    monkeypatch.setattr(predict, "ask_scoring_service", lambda asked, **_: answer)
    url = reverse("admin:experiments_job_rank")
    page = admin_client.post(url, RANK | {"locale": "fr"}, follow=True).content.decode()
    job = Job.objects.get()
    assert (job.status, job.result, job.created_by.username) == ("done", answer, "owner")
    assert "no predictor is active" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wordings": " \n "}, "This field is required."),
        ({"wordings": "x" * 201}, "Longer than 200 characters"),
        ({"wordings": "\n".join(map(str, range(51)))}, "At most 50 wordings."),
        ({"locale": "xx"}, "Select a valid choice."),
    ],
    ids=["none", "too long", "too many", "language"],
)
def test_rank_names_the_fault(admin_client, changes, message):
    data = RANK | {"locale": "fr"} | changes
    page = admin_client.post(reverse("admin:experiments_job_rank"), data).content.decode()
    assert message in page
    assert not Job.objects.exists()


def test_running_job_shows_its_progress_and_renews_itself(admin_client):
    job = make_job("training", status="running", progress=0.4, message="Reading")
    page = watch(admin_client, job)
    assert 'value="0.4"' in page
    assert 'http-equiv="refresh"' in page


def test_failed_job_says_why(admin_client):
    job = make_job("ranking", status="failed", message="Too little history.")
    page = watch(admin_client, job)
    assert "Too little history." in page
    assert 'http-equiv="refresh"' not in page


def test_second_training_is_refused_with_a_sentence(admin_client):
    make_job("training", status="running")
    Job.objects.update(heartbeat_at="2126-01-01T00:00:00Z")
    page = admin_client.post(reverse("admin:experiments_job_train"), follow=True)
    assert "A training or a learning curve is running already." in page.content.decode()


def test_train_needs_a_post(admin_client):
    assert admin_client.get(reverse("admin:experiments_job_train")).status_code == 405


def test_train_is_refused_to_a_person_who_may_only_look(client, stranger):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.post(reverse("admin:experiments_job_train")).status_code == 403


def test_jobs_are_listed(admin_client):
    make_job("training", status="running")
    page = admin_client.get(reverse("admin:experiments_job_changelist")).content.decode()
    assert "Training of the predictor" in page


def test_running_job_can_be_stopped(admin_client):
    job = make_job("training", status="running")
    page = admin_client.post(reverse("admin:experiments_job_stop", args=[job.pk]), follow=True)
    job.refresh_from_db()
    assert job.status == "cancelled"
    assert "The predictor in use stays." in page.content.decode()
    assert 'http-equiv="refresh"' not in page.content.decode()


def test_ended_job_is_not_stopped(admin_client):
    job = make_job("ranking", status="done", result={"x": 1})
    response = admin_client.post(reverse("admin:experiments_job_stop", args=[job.pk]))
    job.refresh_from_db()
    assert (response.status_code, job.status) == (302, "done")


def test_stop_needs_a_post_and_the_right(admin_client, viewer_client):
    url = reverse("admin:experiments_job_stop", args=[make_job("training").pk])
    assert admin_client.get(url).status_code == 405
    assert viewer_client.post(url).status_code == 403


def test_interrupted_job_says_so(admin_client):
    page = watch(admin_client, make_job("training", status="running", attempt=2))
    assert "Attempt 2: a worker was interrupted." in page


@pytest.fixture
def ranking(slot):
    """A ranking that is done, for the slot."""
    wording = {
        "text": "Recevoir mon guide",
        "is_control": False,
        "rank": 1,
        "chance": 0.7,
        "lift": {"expected": 0.1, "low": -0.1, "high": 0.3},
        "is_toss_up": True,
        "belief": {"best": 0.7, "expected": 1.3, "low": 1, "high": 2},
        "words": [{"word": "Recevoir", "effect": 0.05}, {"word": "guide", "effect": -0.02}],
        "refusal": None,
        "nearest": [],
    }
    control = wording | {"text": "Envoyer", "is_control": True, "rank": 2, "chance": None}
    suggestion = {
        "text": "Je reçois mon guide maintenant",
        "source": "Recevoir mon guide",
        "rule": "principle",
        "principle": "urgency",
        "is_claim": True,
        "chance": 0.6,
        "lift": None,
    }
    result = {
        "predictor": 1,
        "refusal": None,
        "notes": [],
        "wordings": [control | {"lift": None}, wording],
        "chances": [[None, 0.3], [0.7, None]],
        "suggestions": [suggestion],
    }
    asked = {"locale": "fr", "placement": "footer", "form": "button", "slot_pk": slot.pk}
    return make_job("ranking", status="done", result=result, request=asked, site=slot.site)


def test_ranking_shows_sureness_words_checks_pairs_and_proposals(admin_client, ranking):
    page = watch(admin_client, ranking)
    assert "1 to 2" in page
    assert "toss-up" in page
    word = '<span class="cta-word cta-word-up">Recevoir <small>+5.0%</small></span>'
    assertInHTML(word, page)
    assert "infinitive: “recevoir”" in page
    assert "few visitors get there" in page
    assert "Chance that the row beats the column" in page
    assert "“Recevoir mon guide” with a principle: Urgency." in page
    assert "Only if it is true." in page


def test_page_says_what_came_of_the_last_predictions(admin_client, slot):
    url = reverse("admin:experiments_job_rank")
    title = "What came of its last predictions"
    assert title not in admin_client.get(url).content.decode()
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
    experiment = factories.make_running_experiment(slot, **ended)
    for arm, clicks in enumerate((100, 160)):
        factories.make_rollup(experiment.variants.get(arm=arm), visitors=1_000, clicks=clicks)
    keep_past_tests(now=NOW)
    rows = [
        {"text": "hero-test control", "is_control": True, "chance": None},
        {"text": "hero-test b", "is_control": False, "chance": 0.7},
    ]
    make_job(
        "ranking",
        status="done",
        site=slot.site,
        request={"control": "hero-test control", "slot_pk": slot.pk},
        result={"wordings": rows},
        created_at=experiment.started_at,
    )
    page = re.sub(r"\s+", " ", admin_client.get(url).content.decode())
    assert title in page
    assert "Came true: 1 of 1. By their own chances it should have been 0.7." in page
    assert "better than the control" in page


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_ranking_leaves_as_a_file(admin_client, ranking, file_format):
    url = reverse("admin:experiments_job_watch", args=[ranking.pk])
    assert f'href="?format={file_format}"' in admin_client.get(url).content.decode()
    answer = admin_client.get(url, {"format": file_format})
    name = f'filename="ranking-{ranking.pk}.{file_format}"'
    assert name in answer.headers["Content-Disposition"]
    assert len(answer.content) > 100
    assert "text/html" in admin_client.get(url, {"format": "exe"}).headers["Content-Type"]


def test_ranking_of_an_earlier_version_is_still_shown(admin_client):
    old = {"text": "Go", "is_control": True, "rank": 1, "chance": None, "lift": None}
    old |= {"refusal": None, "nearest": []}
    result = {"predictor": 1, "refusal": None, "notes": [], "wordings": [old]}
    assert "Go" in watch(admin_client, make_job("ranking", status="done", result=result))


def post_draft(client, job, **changes):
    url = reverse("admin:experiments_job_draft", args=[job.pk])
    data = {"slot": job.request["slot_pk"], "wording": ["Recevoir mon guide"]}
    return client.post(url, data | changes, follow=True)


def test_chosen_wordings_become_a_draft_experiment(admin_client, ranking, slot):
    page = post_draft(admin_client, ranking).content.decode()
    assert "Draft created." in page
    experiment = slot.experiments.get()
    assert experiment.status == "draft"
    assert experiment.variants.get(arm=1).cta.wordings.get().text == "Recevoir mon guide"


def test_draft_of_chosen_wordings_gets_its_slots_own_plan(admin_client, ranking, slot):
    past = factories.make_running_experiment(slot, "past")
    yesterday = timezone.now().date() - timedelta(days=1)
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=500, clicks=25, day=yesterday)
    assert "computed from this slot" in post_draft(admin_client, ranking).content.decode()
    draft = Experiment.objects.get(status="draft")
    assert draft.planned_visitors == draft.planned_visitors_basis["visitors"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wording": []}, "Choose at least one wording."),
        ({"slot": ""}, "Choose the slot to test them on."),
    ],
    ids=["no wording", "no slot"],
)
def test_draft_without_a_choice_says_so(admin_client, ranking, slot, changes, message):
    assert message in post_draft(admin_client, ranking, **changes).content.decode()
    assert not slot.experiments.exists()


def test_draft_needs_the_right_to_add_experiments(viewer_client, ranking, slot):
    assert post_draft(viewer_client, ranking).status_code == 403
    assert not slot.experiments.exists()


def test_stopped_learning_curve_says_that_it_begins_again(admin_client):
    job = make_job("training", status="cancelled", request=dict(REQUEST))
    page = watch(admin_client, job)
    assert "The learning curve is measured from the beginning next time." in page
    assert "What was finished is kept" not in page
    assert re.search(rf"<title>\s*Learning curve {job.pk}\b", page)


def test_second_click_on_the_measurement_names_no_training_alone(admin_client):
    make_job("training", status="running", request=dict(REQUEST))
    Job.objects.update(heartbeat_at="2126-01-01T00:00:00Z")
    url = reverse("admin:experiments_job_train")
    page = admin_client.post(url, dict(REQUEST), follow=True).content.decode()
    assert "A training or a learning curve is running already." in page
