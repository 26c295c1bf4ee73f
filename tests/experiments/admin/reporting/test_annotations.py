"""Annotations on the report page: who writes, what is shown, and refusals in words."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from experiments.models import Annotation
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

YESTERDAY = (NOW - timedelta(days=1)).date()


@pytest.fixture(autouse=True)
def _at_a_fixed_time():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def experiment(running_experiment):
    running_experiment.started_at = NOW - timedelta(days=3)
    running_experiment.save()
    count(running_experiment, (4_000, 400), (4_000, 520))
    return running_experiment


def url_of(experiment, page="annotations"):
    return reverse(f"admin:experiments_experiment_{page}", args=[experiment.pk])


def page_after(client, experiment, **sent):
    return client.post(url_of(experiment), sent, follow=True).content.decode()


def as_role(site, role):
    client = Client()
    client.force_login(factories.make_member(site, role, f"the {role}"))
    return client


def test_annotation_is_shown_with_its_author_and_is_text(admin_client, experiment, admin_user):
    sent = {"day": YESTERDAY.isoformat(), "text": "<b>Sale</b> began"}
    part = page_after(admin_client, experiment, **sent).split('id="days"')[1]
    assert "&lt;b&gt;Sale&lt;/b&gt; began" in part
    assert admin_user.get_username() in part.split("</ol>")[0]


def test_annotation_is_removed(admin_client, experiment):
    page_after(admin_client, experiment, day=YESTERDAY.isoformat(), text="Sale")
    page = page_after(admin_client, experiment, remove=Annotation.objects.get().pk)
    assert "The annotation is removed." in page
    assert Annotation.objects.count() == 0


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"day": "", "text": "Sale"}, "Choose a day"),
        ({"day": YESTERDAY.isoformat(), "text": ""}, "Write 1 to 300 characters."),
        ({}, "Write 1 to 300 characters."),
    ],
)
def test_fault_is_told_in_words(admin_client, experiment, sent, text):
    assert text in page_after(admin_client, experiment, **sent)


@pytest.mark.parametrize("number", ["x", "0", "9" * 30, "²"])
def test_unknown_annotation_is_not_found(admin_client, experiment, number):
    assert admin_client.post(url_of(experiment), {"remove": number}).status_code == 404


def test_annotation_of_another_experiment_is_not_found(admin_client, experiment, slot):
    other = factories.make_experiment(slot, "other")
    row = Annotation.objects.create(experiment=other, day=YESTERDAY, text="x", created_at=NOW)
    assert admin_client.post(url_of(experiment), {"remove": row.pk}).status_code == 404
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("analyst", 302), ("owner", 302)])
def test_analysts_annotate_and_viewers_read(site, experiment, role, status):
    client = as_role(site, role)
    Annotation.objects.create(experiment=experiment, day=YESTERDAY, text="Sale", created_at=NOW)
    page = client.get(url_of(experiment, "report")).content.decode()
    assert "Sale" in page
    assert (url_of(experiment) in page) == (status == 302)
    sent = {"day": YESTERDAY.isoformat(), "text": "x"}
    assert client.post(url_of(experiment), sent).status_code == status
    assert client.get(url_of(experiment)).status_code == 403
