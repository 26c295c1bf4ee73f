import json

import pytest
from django.utils import timezone, translation

from experiments.models import Job, Notice
from experiments.services.notices.wording import words_of
from tests.experiments.services.notices.conftest import told
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Kind = Notice.Kind
GUARDRAIL = json.dumps(
    {"code": "guardrail", "arm": "b", "metric": "Sales", "low": -0.2, "high": -0.1, "margin": 0.02}
)
PLAN_END = json.dumps({"code": "plan_end", "visitors": 1_200, "planned": 1_000})
HOURS = {"status": "no_traffic", "winner": "", "silent_hours": 30.0}
FROZEN = {"code": "frozen_arm", "arm": "b", "visitors": 900, "in_arm": 890}


@pytest.mark.parametrize(
    ("kind", "facts", "title", "line"),
    [
        (Kind.STARTED, {}, "The test has started.", ""),
        (Kind.VERDICT, {}, "Ship “hero-test b”.", "Lift: +25.0"),
        (Kind.VERDICT, {"status": "keep_control", "winner": "", "lift": None}, "Keep the", "2,000"),
        (Kind.VERDICT, {"winner": ""}, "The test has a verdict.", ""),
        (Kind.VERDICT, {"change": "stop", "note": PLAN_END}, "The test has ended with", "1,200 of"),
        (Kind.HARM, {"status": "stop_for_harm", "winner": ""}, "Stop: every other arm", "2,000"),
        (Kind.ROLLBACK, {"change": "rollback", "note": GUARDRAIL}, "Rolled back.", "“b” harms"),
        (Kind.SPLIT, {"status": "invalid", "winner": ""}, "No verdict: the data", "2,000"),
        (Kind.SPLIT, FROZEN, "One arm is frozen", "890 of 900"),
        (Kind.NO_TRAFFIC, HOURS, "No visitors are arriving.", "for 30 hours"),
        (Kind.APPROVAL, {}, "The test needs an approval before it can start.", ""),
    ],
)
def test_each_kind_has_its_sentences_in_both_languages(
    running_experiment, kind, facts, title, line
):
    notice = told(running_experiment, kind, **facts)
    words = words_of(notice)
    assert words.title.startswith(title)
    assert words.subject == f"hero-test: {words.title}"
    assert line in "\n".join(words.lines)
    with translation.override("fr"):
        french = words_of(notice)
    assert french.title != words.title
    assert "20 Nov" not in french.lines[-1]


@pytest.mark.parametrize(
    ("status", "title"),
    [("done", "The training of the predictor has finished."), ("failed", "The training of the")],
)
def test_training_is_of_no_experiment(status, title):
    job = Job.objects.create(
        kind="training", status=status, created_at=NOW, heartbeat_at=NOW, message="No memory."
    )
    notice = Notice.objects.create(
        kind=Kind.TRAINED, at=NOW, job=job, occurrence="t", facts={"status": status}
    )
    words = words_of(notice)
    assert words.subject.startswith(title)
    assert ("No memory." in words.lines) is (status == "failed")


def test_time_is_that_of_the_reader(running_experiment):
    with timezone.override("Asia/Tokyo"):
        words = words_of(told(running_experiment))
    assert words.lines[-1] == "Shop: 22 Nov 2026, 21:00 (Asia/Tokyo)"


def test_verdict_leads_to_the_decision_while_there_is_one_to_take(running_experiment):
    notice = told(running_experiment)
    assert words_of(notice).path.endswith("/end/")
    running_experiment.status, running_experiment.stopped_at = "archived", NOW
    running_experiment.save()
    notice.experiment.refresh_from_db()
    assert words_of(notice).path.endswith("/report/")


def test_arm_that_has_gone_is_named_by_its_key(running_experiment):
    assert words_of(told(running_experiment, winner="gone")).title == "Ship “gone”."
