"""Pages of frozen versions: who freezes, shares and revokes, and what they show."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from experiments.models import Change, FrozenReport, ShareLink
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

ROLES = ("viewer", "analyst", "marketer", "owner")


@pytest.fixture
def experiment(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    return running_experiment


def url_of(experiment, version=None):
    url = reverse("admin:experiments_experiment_frozen", args=[experiment.pk])
    return f"{url}?version={version.pk}" if version else url


def frozen_by(client, experiment, **sent):
    answer = client.post(url_of(experiment), {"action": "freeze", **sent})
    assert answer.status_code == 302, answer.content
    return FrozenReport.objects.first()


def as_role(site, role):
    client = Client()
    client.force_login(factories.make_member(site, role, f"the {role}"))
    return client


def test_report_leads_to_freezing_and_to_its_versions(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment, note="For <b>the</b> board")
    report = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    part = admin_client.get(report).content.decode().split('id="versions"')[1]
    assert f'href="{url_of(experiment)}?version={frozen.pk}"' in part
    assert frozen.digest[:12] in part
    assert "For &lt;b&gt;the&lt;/b&gt; board" in part


def test_frozen_page_shows_figures_hash_and_what_changed(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment)
    count(experiment, (30, 3), (20, 2), phase=1)
    later = frozen.frozen_at + timedelta(minutes=1)
    Change.objects.create(experiment=experiment, kind="pause", at=later, note="stock is out")
    page = admin_client.get(url_of(experiment, frozen)).content.decode()
    for text in ("13.000%", frozen.digest, "Paused", "stock is out", "counted since: 50"):
        assert text in page, text


def test_chosen_view_is_frozen(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment, view="arm=control&against=b")
    page = admin_client.get(url_of(experiment, frozen)).content.decode()
    assert "hero-test control / hero-test b" in page


def test_chosen_view_has_the_punctuation_of_its_language(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment, view="arm=b&against=control")
    url = url_of(experiment, frozen)
    page = admin_client.get(url, headers={"accept-language": "fr"}).content.decode()
    assert "À chaque lecture\u00a0: +30,0\u00a0%" in page
    assert "p = &lt;" not in page
    assert re.search(r'p\s<span title="[^"]+">&lt; 0,0001</span>', page)


def test_view_without_sense_is_refused_in_words(admin_client, experiment):
    sent = {"action": "freeze", "view": "arm=z"}
    answer = admin_client.post(url_of(experiment), sent, follow=True)
    assert "Choose one of: control, b." in answer.content.decode()
    assert FrozenReport.objects.count() == 0


def test_link_is_shown_once_and_opens(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment)
    sent = {"action": "share", "expires": "7", "password": ""}
    answer = admin_client.post(url_of(experiment, frozen), sent)
    link = re.search(r"http://testserver(/shared/[\w-]{43}/)", answer.content.decode())[1]
    assert "no-store" in answer.headers["Cache-Control"]
    assert Client().get(link).status_code == 200
    assert link not in admin_client.get(url_of(experiment, frozen)).content.decode()


def test_revoked_link_is_closed_at_once(admin_client, experiment):
    frozen = frozen_by(admin_client, experiment)
    answer = admin_client.post(url_of(experiment, frozen), {"action": "share", "expires": "7"})
    link = re.search(r"/shared/[\w-]{43}/", answer.content.decode())[0]
    sent = {"action": "revoke", "link": ShareLink.objects.get().pk}
    page = admin_client.post(url_of(experiment, frozen), sent, follow=True).content.decode()
    assert "The link is closed." in page
    assert Client().get(link).status_code == 404
    again = admin_client.post(url_of(experiment, frozen), sent, follow=True).content.decode()
    assert "closed already" in again


@pytest.mark.parametrize(
    ("sent", "text"),
    [({"expires": "3"}, "3"), ({"expires": "7", "password": "short"}, "Use 8 to 128 characters.")],
)
def test_faults_of_a_link_stand_beside_their_fields(admin_client, experiment, sent, text):
    frozen = frozen_by(admin_client, experiment)
    page = admin_client.post(url_of(experiment, frozen), {"action": "share", **sent})
    assert text in page.content.decode().split('class="errorlist"')[1].split("</ul>")[0]
    assert ShareLink.objects.count() == 0


@pytest.mark.parametrize("role", ROLES)
def test_analysts_freeze_and_marketers_share(site, admin_client, experiment, role):
    frozen, client = frozen_by(admin_client, experiment), as_role(site, role)
    rank = ROLES.index(role)
    page = client.get(url_of(experiment, frozen)).content.decode()
    assert ('value="share"' in page) == (rank >= 2)
    assert ('value="freeze"' in client.get(url_of(experiment)).content.decode()) == (rank >= 1)
    freezing = client.post(url_of(experiment), {"action": "freeze"})
    sharing = client.post(url_of(experiment, frozen), {"action": "share", "expires": "7"})
    assert freezing.status_code == (302 if rank >= 1 else 403)
    assert sharing.status_code == (200 if rank >= 2 else 403)
    ends = {"created_at": NOW, "expires_at": NOW + timedelta(days=1)}
    link = ShareLink.objects.create(frozen=frozen, token_digest="t", **ends)
    revoking = client.post(url_of(experiment, frozen), {"action": "revoke", "link": link.pk})
    assert revoking.status_code == (302 if rank >= 2 else 403)


def test_version_of_another_experiment_is_not_found(admin_client, slot, experiment):
    frozen = frozen_by(admin_client, experiment)
    other = factories.make_experiment(slot, "other")
    assert admin_client.get(url_of(other, frozen)).status_code == 404
    for text in ("0", "x", "9" * 30, "-1"):
        url = f"{url_of(experiment)}?version={text}"
        assert admin_client.get(url).status_code in {200, 404}


def test_stranger_finds_nothing(other_site, experiment, admin_client):
    frozen, stranger = frozen_by(admin_client, experiment), as_role(other_site, "owner")
    assert stranger.get(url_of(experiment, frozen)).status_code == 404
    assert stranger.post(url_of(experiment), {"action": "freeze"}).status_code == 404


def test_draft_is_not_frozen(admin_client, draft):
    page = admin_client.post(url_of(draft), {"action": "freeze"}, follow=True).content.decode()
    assert "A draft has no report to freeze." in page
