"""The same form posted twice, one post after the other, as a browser sends it again.

What makes something is in a table with what the second post is to make; a new route that posts
fails until it is in one of the tables.
"""

import re
from typing import Any, NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from experiments.models import (
    CTA,
    Annotation,
    Approval,
    Audience,
    Comment,
    Decision,
    Edit,
    Experiment,
    ExperimentTemplate,
    FormerClientKey,
    FrozenReport,
    Job,
    Learning,
    Membership,
    Namespace,
    Phase,
    ServerKey,
    ShareLink,
    Site,
    Slot,
    Tag,
    TypedCTA,
    TypedExperiment,
    Upload,
    Webhook,
)
from tests import factories
from tests.experiments.admin.archive.test_learning_form import SAID
from tests.experiments.admin.test_audiences import rows_form
from tests.experiments.admin.test_catalogue import cta_form
from tests.experiments.admin.test_experiments import experiment_form
from tests.experiments.admin.test_sites import site_form
from tests.experiments.admin.workflow.test_studio import new
from tests.experiments.services.counted_experiments import count
from tests.experiments.test_route_permissions import MODELS, NEVER, PAGES
from tests.factories import NOW

# Changes of what is there, under a condition that the second post no longer meets, or that leave
# it as the first has left it; and questions, which store nothing.
MAKE_NOTHING = {
    "experiments_audience_check",
    "experiments_audience_settings",
    "experiments_cta_archive",
    "experiments_cta_studio",
    "experiments_cta_undo",
    "experiments_experiment_labels",
    "experiments_experiment_step",
    "experiments_experiment_undo_promotion",
    "experiments_job_stop",
    "experiments_notices_choices",
    "experiments_notices_read",
    "experiments_serverkey_revoke",
    "experiments_site_holdout",
    "experiments_site_settings",
    "experiments_slot_settings",
    "experiments_webhook_settings",
    "experiments_upload_columns",
    "experiments_upload_confirm",
    "experiments_upload_undo",
    "experiments_visitor_erase",
    # Each press sends a message that is kept nowhere, what had been given up, or a new secret.
    "experiments_webhook_test",
    "experiments_webhook_retry",
    "experiments_webhook_renew",
    "auth_user_password_change",
}
# Nothing is posted there.
READ_ONLY = {name for name in PAGES if name.startswith("calculator") or name == "ml_encoders"} | {
    "experiments_system",
    "experiments_notices",
    "experiments_notices_open",
    "experiments_learning_shown",
    "experiments_pasttest_results",
    "experiments_historyarm_principles",
    "experiments_job_watch",
    "experiments_upload_show",
    "experiments_experiment_report",
    "experiments_experiment_like",
    "experiments_experiment_picture",
    "experiments_experiment_picture_svg",
    "experiments_experiment_frozen_picture",
    "experiments_app_picture_svg",
    "experiments_experiment_calendar",
}


class Twice(NamedTuple):
    """A form that makes rows of a model."""

    model: type[Any]
    sent: dict[str, Any]
    pk: int | None = None
    # Rows that the second post makes, and what it says.
    again: int = 0
    said: str = ""


@pytest.fixture
def things(site, slot, owner, time_machine):
    time_machine.move_to(NOW, tick=False)
    running = factories.make_running_experiment(slot)
    count(running, (4_000, 400), (4_000, 520))
    other = factories.make_slot(site, "footer")
    ended = factories.make_running_experiment(other, "ended")
    count(ended, (4_000, 400), (4_000, 520))
    Experiment.objects.filter(pk=ended.pk).update(status="stopped", stopped_at=NOW)
    frozen = FrozenReport.objects.create(
        experiment=ended, frozen_at=NOW, code_version="1", digest="d", content='{"arms": []}'
    )
    ranking, failed = (
        Job.objects.create(
            kind="ranking", status=status, site=site, created_by=owner, language="en",
            request={"locale": "en"}, created_at=NOW, heartbeat_at=NOW,
        )
        for status in ("done", "failed")
    )  # fmt: skip
    factories.make_server_key(site, "secret")
    return {
        "site": site,
        "slot": slot,
        "other": other,
        "running": running,
        "ended": ended,
        "frozen": frozen,
        "ranking": ranking,
        "failed": failed,
        "draft": factories.make_experiment(slot, "draft", audience=factories.make_audience(site)),
        "key": site.server_keys.get(),
        "ctas": [factories.make_cta(site, f"Words {number}") for number in range(2)],
    }


def file_of(text):
    return SimpleUploadedFile("list.csv", text.encode())


FORM = {"_form": "5f0c2f4e-8a4e-4a57-9d0e-2f1b1a7f7c11"}
PLACE = {"name": "Brand new", "position": "above_fold"}


def hook_form(site):
    form = {"site": site.pk, "name": "Hook", "url": "https://hook.example.org/a"}
    return form | {"format": "json", "language": "en", "kinds": ["verdict"], "is_active": "on"}


def forms_of_models(t):
    """Forms of rows, whose names, keys or contents are taken by the first."""
    site = t["site"]
    person = factories.make_person("new member")
    words = {"password1": "correct horse 9", "password2": "correct horse 9"}
    words |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    spot = {"site": site.pk, "key": "new", "name": "New", "position": "above_fold"}
    hook = hook_form(site)
    key = {"site": site.pk, "name": "crm", "scopes": ["read"], "days": "30"}
    condition = {
        "site": site.pk,
        "key": "new",
        "name": "New",
        **rows_form(("device", "", "is", "mobile")),
    }
    return {
        "audience_add": Twice(Audience, condition, said="already exists"),
        "site_add": Twice(Site, site_form(), said="already exists"),
        "serverkey_add": Twice(ServerKey, key, said="The site has a valid key of this name."),
        "membership_add": Twice(
            Membership,
            {"site": site.pk, "user": person.pk, "role": "viewer"},
            said="already exists",
        ),
        "webhook_add": Twice(Webhook, hook, said="The site has a webhook with this address."),
        "tag_add": Twice(Tag, {"site": site.pk, "name": "spring"}, said="already exists"),
        "cta_add": Twice(CTA, cta_form(site), said="already exists"),
        "slot_add": Twice(Slot, spot | {"default_cta": t["ctas"][0].pk}, said="already exists"),
        "namespace_add": Twice(
            Namespace, {"site": site.pk, "key": "new", "seed": "s"}, said="already exists"
        ),
        "experiment_add": Twice(Experiment, experiment_form(t["other"]), said="already exists"),
        "learning_add": Twice(
            Learning, SAID | {"site": site.pk}, said="The site has this learning already."
        ),
        "user_add": Twice(get_user_model(), {"username": "new", **words}, said="already exists"),
    }


def forms_of_pages(t):
    site, running, ended, draft = t["site"], t["running"], t["ended"], t["draft"]
    end = {"outcome": "winner:b", "note": "", "next_step": "nothing"}
    end |= {"expected_default": running.slot.default_cta_id}
    wizard = {"slot": t["other"].pk, "who": "everybody", "metric": "click_rate", "lift": "10"}
    wizard |= {"condition_mode": "rows", "condition_match": "all", "action": "keep"}
    upload = {"site": site.pk, "format": "ctaopt", "form": "button", "destination": "/go"}
    there = "This draft was there already. It tests the same."
    share = {"action": "share", "expires": "7", "password": ""}
    return {
        "experiment_comments": Twice(Comment, {"text": "Why?"}, running.pk),
        "experiment_annotations": Twice(
            Annotation, {"day": f"{NOW:%Y-%m-%d}", "text": "Sale"}, running.pk
        ),
        "experiment_frozen": Twice(FrozenReport, {"action": "freeze", "note": "N"}, ended.pk),
        # A link shows its secret once: whoever asks again has lost the first, and closes it.
        "experiment_frozen?version": Twice(ShareLink, share, ended.pk, again=1),
        "experiment_template": Twice(
            ExperimentTemplate, {"name": "Usual"}, running.pk, said="already exists"
        ),
        "experiment_aa": Twice(Experiment, {"slot": t["other"].pk}, said=there),
        "experiment_follow_up": Twice(Experiment, {}, ended.pk, said=there),
        "experiment_approval": Twice(Approval, {"action": "ask", "note": "Please"}, draft.pk),
        "experiment_end": Twice(Decision, end, running.pk, said="has its decision already"),
        "experiment_new": Twice(Experiment, wizard | {"wordings_en": "Start now"}),
        "experiment_traffic": Twice(
            Phase,
            {"form": "shares", "share_control": "30", "share_b": "70", "coverage": "100"},
            running.pk,
        ),
        "cta_compose": Twice(CTA, new(site, wording_en="Brand new")),
        # Named by their form: no key is typed that could be taken.
        "site_compose": Twice(Site, site_form(key="", **FORM)),
        "slot_compose": Twice(Slot, {"site": site.pk, "new_words": "Go", **PLACE, **FORM}),
        "audience_compose": Twice(
            Audience,
            {"site": site.pk, "name": "New", **rows_form(("device", "", "is", "mobile")), **FORM},
        ),
        "webhook_compose": Twice(Webhook, hook_form(site) | FORM),
        "cta_together": Twice(
            Edit, {"size": "small", "action": "apply", "ids": [one.pk for one in t["ctas"]]}
        ),
        "job_rank": Twice(Job, {"control": "Go", "wordings": "Start\nBegin", "locale": "en"}),
        "job_lab": Twice(Job, {"locale": "en", "column": "", "wordings": "Start\nBegin"}),
        "job_train": Twice(Job, {}, said="A training or a learning curve is running already."),
        "job_again": Twice(Job, {}, t["failed"].pk),
        "job_draft": Twice(
            Experiment,
            {"slot": t["other"].pk, "wording": ["Start", "Begin"]},
            t["ranking"].pk,
            said=there,
        ),
        # A preview each: nothing is imported before it is confirmed, and then only once.
        "upload_past_tests": Twice(Upload, {**upload, "file": "tests.csv"}, again=1),
        "upload_wordings": Twice(Upload, {**upload, "file": "words.csv"}, again=1),
        "upload_events": Twice(Upload, {**upload, "file": "events.csv"}, again=1),
        # The key of before still opens, and so does that of between.
        "site_access": Twice(FormerClientKey, {"overlap": "7"}, site.pk, again=1),
        "serverkey_rotate": Twice(ServerKey, {"overlap": "7"}, t["key"].pk, said="successor"),
    }


ERRORS = re.compile(r'<ul class="errorlist".*?</ul>', re.DOTALL)
# Their pages keep what is typed, and name it in the form.
KEPT_AS_TYPED = {"experiment_new": TypedExperiment, "cta_compose": TypedCTA}
FILES = {
    "tests.csv": "test,text,visitors,clicks\nt1,Go,100,5\nt1,Start,100,9\n",
    "words.csv": "name,en\nOne,Go\n",
    "events.csv": "type,visitor,at\nexposure,v,2026-11-22\n",
}
MODEL_FORMS = {
    f"{model}_add": ("auth" if model == "user" else "experiments")
    for model, rights in MODELS.items()
    if rights.add != NEVER
}
PAGE_FORMS = {
    name.removeprefix("experiments_")
    for name in PAGES
    if name not in MAKE_NOTHING | READ_ONLY
}  # fmt: skip


def post(client, name, form):
    """Post a form as its page sends it; files are read anew each time."""
    sent, query = dict(form.sent), ""
    if "file" in sent:
        sent["file"] = file_of(FILES[sent["file"]])
    if name == "cta_together":
        query = "?ids=" + ",".join(map(str, sent.pop("ids")))
    page, _, version = name.partition("?")
    if version:
        query = f"?version={FrozenReport.objects.get().pk}"
    app = MODEL_FORMS.get(page, "experiments")
    args = [form.pk] if form.pk else []
    return client.post(reverse(f"admin:{app}_{page}", args=args) + query, sent)


def said(client, answer):
    messages = " ".join(map(str, get_messages(answer.wsgi_request)))
    return messages + answer.content.decode()


def check(client, name, form):
    before = form.model.objects.count()
    first = post(client, name, form)
    made = form.model.objects.count() - before
    assert made > 0, ERRORS.findall(first.content.decode())
    second = post(client, name, form)
    assert form.model.objects.count() - before - made == form.again
    assert form.said in said(client, second)


@pytest.mark.parametrize("name", sorted(MODEL_FORMS))
def test_form_of_a_row_makes_one(admin_client, things, name):
    check(admin_client, name, forms_of_models(things)[name])


@pytest.mark.parametrize("name", [*sorted(PAGE_FORMS), "experiment_frozen?version"])
def test_page_makes_what_is_to_be_made(admin_client, things, name, settings, tmp_path, monkeypatch):
    settings.CTAOPT_UPLOAD_DIR = tmp_path
    Site.objects.update(needs_approval=name == "experiment_approval")
    monkeypatch.setattr("experiments.tasks.do_job.delay", lambda pk: None)
    form = forms_of_pages(things)[name]
    if (kept := KEPT_AS_TYPED.get(name)) is not None:
        admin_client.get(reverse(f"admin:experiments_{name}"))
        form.sent["typed"] = kept.objects.get().pk
    check(admin_client, name, form)


def test_no_name_of_the_tables_is_left_over(things):
    assert set(MODEL_FORMS) == set(forms_of_models(things))
    assert {*PAGE_FORMS, "experiment_frozen?version"} == set(forms_of_pages(things))
    assert set(PAGES) >= MAKE_NOTHING | READ_ONLY
