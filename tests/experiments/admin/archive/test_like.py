from django.urls import reverse

from experiments.models import PastTest
from experiments.services.archive.meaning import keep_meaning_index
from tests import factories


def like_url(experiment):
    return reverse("admin:experiments_experiment_like", args=[experiment.pk])


def test_draft_shows_past_tests_like_it_with_their_lift(
    archive, slot, viewer_client, meaning_service
):
    keep_meaning_index()
    draft = factories.make_experiment(slot, "draft")
    page = viewer_client.get(like_url(draft)).content.decode()
    won = PastTest.objects.get(name="won")
    assert f'href="{reverse("admin:experiments_pasttest_change", args=[won.pk])}"' in page
    assert "+150.0%" in page
    assert "secret" not in page
    assert "words in common" not in page


def test_report_loads_the_tests_like_it_once_they_are_seen(archive, viewer_client):
    experiment = PastTest.objects.get(name="won").experiment
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    page = viewer_client.get(url).content.decode()
    assert f'<div hx-get="{like_url(experiment)}" hx-trigger="intersect once">' in page
    part = viewer_client.get(like_url(experiment), headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()


def test_without_the_service_it_says_that_words_are_compared(archive, slot, viewer_client):
    draft = factories.make_experiment(slot, "draft")
    assert "have words in common" in viewer_client.get(like_url(draft)).content.decode()


def test_experiment_of_another_site_is_not_found(archive, viewer_client):
    secret = PastTest.objects.get(name="secret").experiment
    assert viewer_client.get(like_url(secret)).status_code == 404
