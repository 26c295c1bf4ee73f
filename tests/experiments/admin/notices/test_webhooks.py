import json

import pytest
from django.test import Client
from django.utils import timezone

from experiments.models import Delivery, Notice, Webhook
from experiments.selectors.notices import webhooks_for
from experiments.services.lifecycle.outbox import tell_of
from experiments.services.notices.webhook_secrets import secret_of
from tests import factories
from tests.experiments.services.notices.conftest import make_reader, make_webhook
from tests.receiver import receiving

pytestmark = pytest.mark.django_db
LIST = "/admin/experiments/webhook/"


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def browser(site):
    client = Client()
    client.force_login(make_reader("olga", site, role="owner"))
    return client


def values(site, url, **changes):
    fields = {"site": site.pk, "name": "Hook", "url": url, "format": "json", "language": "en"}
    return {**fields, "kinds": ["verdict", "harm"], "is_active": "on", **changes}


def page_of(webhook, step="change"):
    return f"{LIST}{webhook.pk}/{step}/"


def test_owner_adds_a_webhook_and_sees_its_secret(browser, site):
    answer = browser.post(f"{LIST}add/", values(site, "https://hook.example.org/a"))
    assert answer.status_code == 302
    webhook = Webhook.objects.get()
    assert (webhook.kinds, webhook.created_by.username) == (["verdict", "harm"], "olga")
    assert secret_of(webhook) in browser.get(page_of(webhook)).content.decode()
    browser.post(page_of(webhook), values(site, "https://hook.example.org/b"))
    kept = Webhook.objects.get()
    assert kept.url == "https://hook.example.org/b"
    assert secret_of(kept) == secret_of(webhook)


@pytest.mark.parametrize("url", ["http://example.org/", "file:///etc/passwd", "x"])
def test_address_that_is_none_is_refused_and_still_there(browser, site, settings, url):
    settings.CTAOPT_DEMO = False
    page = browser.post(f"{LIST}add/", values(site, url)).content.decode()
    assert "The address must begin with https:// and name a host." in page
    assert url in page
    assert not Webhook.objects.exists()


def test_kinds_that_are_none_are_refused(browser, site):
    browser.post(f"{LIST}add/", values(site, "https://example.org/", kinds=["pink"]))
    browser.post(f"{LIST}add/", values(site, "https://example.org/", kinds=["digest"]))
    assert not Webhook.objects.exists()


def test_trainings_are_offered_to_whoever_may_see_them(browser, site):
    sent = values(site, "https://example.org/", kinds=["trained"])
    # Of all sites, of which olga has one only.
    rival = factories.make_site("rival")
    page = browser.post(f"{LIST}add/", sent).content.decode()
    assert not Webhook.objects.exists()
    assert "Trainings of the predictor are of all sites" in page
    rival.delete()
    browser.post(f"{LIST}add/", sent)
    assert Webhook.objects.get().kinds == ["trained"]


def test_training_that_another_has_chosen_is_not_dropped_by_a_save(browser, site):
    webhook = make_webhook(site, "https://example.org/", kinds=["verdict", "trained"])
    factories.make_site("rival")
    browser.post(page_of(webhook), values(site, "https://example.org/", kinds=webhook.kinds))
    webhook.refresh_from_db()
    assert webhook.kinds == ["verdict", "trained"]


def test_test_says_what_the_receiver_answered(browser, site, receiver):
    webhook = make_webhook(site, receiver.url(), format="slack")
    receiver.answers = [200, 500]
    page = browser.post(page_of(webhook, "test"), follow=True).content.decode()
    assert "The test has arrived: the receiver answered 200." in page
    page = browser.post(page_of(webhook, "test"), follow=True).content.decode()
    assert "The test did not arrive. The receiver answered 500." in page
    assert "This is a test of ctaopt." in json.loads(receiver.bodies()[0])["text"]


def test_lost_secret_is_said_and_made_anew(browser, site, receiver):
    webhook = make_webhook(site, receiver.url(), encrypted_secret="lost")
    page = browser.post(page_of(webhook, "test"), follow=True).content.decode()
    assert "Its secret cannot be read: make a new one." in page
    assert not receiver.came
    browser.post(page_of(webhook, "renew"))
    webhook.refresh_from_db()
    assert secret_of(webhook) in browser.get(page_of(webhook)).content.decode()


def test_what_was_given_up_is_shown_and_sent_again(browser, site, running_experiment):
    webhook = make_webhook(site, "https://example.org/")
    tell_of(running_experiment, Notice.Kind.HARM, occurrence="1", now=timezone.now())
    row = Delivery.objects.create(
        notice=Notice.objects.get(),
        webhook=webhook,
        next_at=timezone.now(),
        state="given_up",
        attempts=8,
        error="status:502",
    )
    assert "gave up" in browser.get(LIST).content.decode()
    page = browser.get(page_of(webhook)).content.decode()
    assert "The receiver answered 502." in page
    assert "1 notice was given up after a day." in page
    page = browser.post(page_of(webhook, "retry"), follow=True).content.decode()
    assert "1 notice is sent again." in page
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("waiting", 0)
    assert "in order" in browser.get(LIST).content.decode()


@pytest.mark.parametrize("step", ["test", "retry", "renew"])
def test_steps_are_for_the_owners_of_the_site(browser, receiver, step, site):
    foreign = make_webhook(factories.make_site("other"), receiver.url())
    assert browser.post(page_of(foreign, step)).status_code == 404
    assert browser.get(page_of(make_webhook(site, receiver.url()), step)).status_code == 405
    marketer = Client()
    marketer.force_login(make_reader("max", site, role="marketer"))
    own = make_webhook(site, receiver.url(), name="Own")
    assert marketer.post(page_of(own, step)).status_code in {403, 404}
    assert not receiver.came
    assert marketer.get(LIST).status_code == 403


def finish_training():
    return Notice.objects.create(kind="trained", at=timezone.now(), occurrence="trained:1")


def test_new_address_of_a_person_who_may_not_see_trainings_gets_none(browser, site, admin_user):
    factories.make_site("rival")
    kinds = ["verdict", "trained"]
    webhook = make_webhook(site, "https://example.org/a", kinds=kinds, created_by=admin_user)
    waiting = Delivery.objects.create(
        notice=finish_training(), webhook=webhook, next_at=timezone.now()
    )
    assert webhooks_for(waiting.notice) == [webhook]
    answer = browser.post(
        page_of(webhook), values(site, "https://example.org/mine", kinds=kinds), follow=True
    )
    assert "Trainings are not told at the new address" in answer.content.decode()
    webhook.refresh_from_db()
    assert (webhook.url, webhook.kinds) == ("https://example.org/mine", ["verdict"])
    assert webhooks_for(waiting.notice) == []
    # Nor what waits since before.
    assert not Delivery.objects.exists()


def test_person_who_may_see_trainings_changes_the_address_and_they_stay(admin_client, site):
    person = make_reader("root", is_superuser=True)
    kinds = ["verdict", "trained"]
    webhook = make_webhook(site, "https://example.org/a", kinds=kinds, created_by=person)
    admin_client.post(page_of(webhook), values(site, "https://example.org/b", kinds=kinds))
    webhook.refresh_from_db()
    assert (webhook.url, webhook.kinds, webhook.created_by) == (
        "https://example.org/b",
        kinds,
        person,
    )


@pytest.mark.parametrize("step", ["change", "settings"])
def test_whoever_ticks_trainings_on_a_webhook_of_another_answers_for_them(admin_client, site, step):
    owner = make_reader("olga", site, role="owner")
    factories.make_site("rival")
    url = "https://example.org/a"
    webhook = make_webhook(site, url, kinds=["verdict"], created_by=owner)
    notice = finish_training()
    page = admin_client.get(page_of(webhook, step)).content.decode()
    assert "Trainings are told as long as whoever chose them may see every site." in page
    sent = values(site, url, kinds=["verdict", "trained"])
    page = admin_client.post(page_of(webhook, step), sent, follow=True).content.decode()
    assert "Trainings are told there as long as you have a role on every site." in page
    assert webhooks_for(notice) == [webhook]
    page = admin_client.get(page_of(webhook, step)).content.decode()
    webhook.refresh_from_db()
    assert webhook.created_by.is_superuser
    assert f"Trainings are told as long as {webhook.created_by} may see every site." in page


def test_page_says_that_trainings_are_not_told_any_more(admin_client, site):
    owner = make_reader("olga", site, role="owner")
    factories.make_site("rival")
    webhook = make_webhook(site, "https://example.org/a", kinds=["trained"], created_by=owner)
    page = admin_client.get(page_of(webhook, "settings")).content.decode()
    assert "Trainings are not told: whoever chose them" in page
