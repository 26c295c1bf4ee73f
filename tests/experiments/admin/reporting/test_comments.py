import re

import pytest
from django.test import Client

from experiments.models import Comment, Experiment, PastTest
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def page_of(name, experiment):
    return f"/admin/experiments/experiment/{experiment.pk}/{name}/"


def report(client, experiment):
    return re.sub(r"\s+", " ", client.get(page_of("report", experiment)).content.decode())


@pytest.fixture
def client_of(site):
    def make(name, role="analyst"):
        client = Client()
        client.force_login(factories.make_member(site, role, name))
        return client

    return make


def test_comments_stand_below_the_report_with_author_and_time(draft, client_of, time_machine):
    time_machine.move_to(NOW, tick=False)
    ada, grace = client_of("ada"), client_of("grace")
    answer = ada.post(page_of("comments", draft), {"text": "Why <b>so</b> short?"})
    assert answer.url == page_of("report", draft) + "#comments"
    page = report(grace, draft)
    assert "Why &lt;b&gt;so&lt;/b&gt; short?" in page
    assert "ada · 22 Nov 2026, 12:00" in page
    assert 'name="remove"' not in page
    assert 'name="remove"' in report(ada, draft)


def test_author_removes_and_nobody_else(draft, client_of):
    ada, grace = client_of("ada"), client_of("grace", "owner")
    ada.post(page_of("comments", draft), {"text": "Why?"})
    sent = {"remove": Comment.objects.get().pk}
    assert grace.post(page_of("comments", draft), sent).status_code == 403
    assert ada.post(page_of("comments", draft), sent).status_code == 302
    assert ada.post(page_of("comments", draft), sent).status_code == 404
    assert ada.post(page_of("comments", draft), {"remove": "9" * 30}).status_code == 404
    assert not Comment.objects.exists()


def test_viewer_reads_and_writes_nothing(draft, viewer_client):
    page = report(viewer_client, draft)
    assert 'id="comment-text"' not in page
    assert viewer_client.post(page_of("comments", draft), {"text": "Why?"}).status_code == 403
    assert viewer_client.get(page_of("comments", draft)).status_code == 403
    assert not Comment.objects.exists()


def test_empty_comment_says_what_is_missing(draft, client_of):
    answer = client_of("ada").post(page_of("comments", draft), {"text": " "}, follow=True)
    assert "Write 1 to 2000 characters." in answer.content.decode()


def test_tags_and_responsible_person_are_set_and_shown(running_experiment, client_of):
    grace = client_of("grace", "marketer")
    person = running_experiment.slot.site.memberships.get().user
    sent = {"tags": "spring, sale", "owner": person.pk}
    assert grace.post(page_of("labels", running_experiment), sent).status_code == 302
    page = report(grace, running_experiment)
    assert "Responsible: grace" in page
    assert '<span class="cta-badge">sale</span>' in page
    assert 'value="sale, spring"' in page
    analyst = client_of("ada")
    assert analyst.post(page_of("labels", running_experiment), sent).status_code == 403
    stranger = factories.make_person("eve")
    sent = {"tags": "spring", "owner": stranger.pk}
    assert grace.post(page_of("labels", running_experiment), sent).status_code == 404


def labelled(slot, key, tag, person):
    experiment = factories.make_running_experiment(slot, key, owner=person)
    experiment.tags.create(site=slot.site, name=tag)
    return experiment


def test_lists_filter_by_tag_and_responsible_person(admin_client, slot, site):
    ada, grace = (factories.make_member(site, "marketer", name) for name in ("ada", "grace"))
    footer = factories.make_slot(site, "footer")
    first, second = labelled(slot, "a", "spring", ada), labelled(footer, "b", "sale", grace)
    listed = "/admin/experiments/experiment/"
    for query in (f"owner__id__exact={ada.pk}", f"tags__id__exact={first.tags.get().pk}"):
        found = admin_client.get(f"{listed}?{query}").context["cl"].queryset
        assert list(found) == [first], query
    for experiment in (first, second):
        Experiment.objects.filter(pk=experiment.pk).update(status="stopped", stopped_at=NOW)
        PastTest.objects.create(
            site=site,
            source="experiment",
            experiment=experiment,
            name=experiment.key,
            verdict="open",
            digest=experiment.key,
            kept_at=NOW,
        )
    for query in ({"owner": grace.pk}, {"tag": "sale"}):
        page = admin_client.get("/admin/experiments/pasttest/", query)
        assert [row.name for row in page.context["cl"].queryset] == ["b"], query
    for query in ("owner=grace", "tag=sale"):
        rows = admin_client.get(f"/api/v1/past-tests/?{query}").json()["results"]
        assert [row["name"] for row in rows] == ["b"], query
    unknown = admin_client.get("/admin/experiments/pasttest/", {"owner": "x"})
    assert list(unknown.context["cl"].queryset) == []


def test_new_test_of_the_wizard_is_its_author_s(admin_client, slot, owner):
    sent = {"slot": slot.pk, "who": "everybody", "metric": "click_rate", "lift": "10"}
    sent |= {"condition_mode": "rows", "condition_match": "all", "action": "keep"}
    admin_client.post("/admin/experiments/experiment/new/", sent | {"wordings_en": "Try it"})
    assert Experiment.objects.get().owner == owner
