from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from experiments.models import Delivery, Notice, NoticeChoice, NoticeRead
from experiments.services.lifecycle.outbox import tell_of
from tests import factories
from tests.experiments.services.notices.conftest import make_reader, make_webhook

pytestmark = pytest.mark.django_db
LIST = "/admin/experiments/site/notices/"
CHOICES = f"{LIST}choices/"


@pytest.fixture
def ada(site):
    return make_reader("ada", site)


@pytest.fixture
def browser(ada):
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def notice(running_experiment):
    """A won test of today."""
    facts = {"status": "ship", "winner": "b", "lift": 0.25, "visitors": 2_000}
    now = timezone.now()
    tell_of(running_experiment, Notice.Kind.VERDICT, occurrence="b", now=now, facts=facts)
    return Notice.objects.get()


def text(client, path=LIST):
    return client.get(path).content.decode()


def badge(client):
    """The number in the menu; None without one."""
    _, found, rest = text(client, "/admin/").partition('class="cta-count">')
    return rest.split("<")[0].strip() if found else None


def test_menu_counts_what_is_unread_until_it_is_opened(browser, notice):
    assert badge(browser) == "1"
    assert "hero-test: Ship “hero-test b”." in text(browser)
    answer = browser.get(f"{LIST}{notice.pk}/")
    assert answer.headers["Location"].endswith(f"/experiment/{notice.experiment_id}/end/")
    assert badge(browser) is None
    assert "Mark as read" not in text(browser)


@pytest.mark.parametrize("which", ["one", "all"])
def test_notices_are_marked_as_read_once(browser, notice, which):
    values = {"notice": str(notice.pk) if which == "one" else "all"}
    for _ in range(2):
        assert browser.post(f"{LIST}read/", values).status_code == 302
    assert NoticeRead.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x", "9" * 30, "-1", "0"])
def test_made_up_keys_mark_nothing(browser, notice, key):
    assert browser.post(f"{LIST}read/", {"notice": key}).status_code == 302
    assert not NoticeRead.objects.exists()


def test_notice_of_another_site_is_not_there(notice):
    eve = Client()
    eve.force_login(make_reader("eve", factories.make_site("other")))
    assert badge(eve) is None
    assert "hero-test" not in text(eve)
    assert eve.get(f"{LIST}{notice.pk}/").status_code == 404
    eve.post(f"{LIST}read/", {"notice": str(notice.pk)})
    assert not NoticeRead.objects.exists()


def test_list_has_pages(browser, running_experiment):
    for number in range(51):
        at = timezone.now() - timedelta(minutes=number)
        tell_of(running_experiment, Notice.Kind.STARTED, occurrence=str(number), now=at)
    assert "?page=2" in text(browser)
    assert "?page=1" in text(browser, f"{LIST}?page=2")
    assert text(browser, f"{LIST}?page=x").count('class="cta-line"') == 50


def test_list_costs_the_same_for_any_number(browser, slot, django_assert_max_num_queries):
    for number in range(20):
        experiment = factories.make_experiment(slot, f"test-{number}")
        tell_of(experiment, Notice.Kind.STARTED, occurrence="1", now=timezone.now())
    with django_assert_max_num_queries(16):
        text(browser)


def test_choice_is_kept_and_shown(browser, ada, settings):
    settings.CTAOPT_SENDS_MAIL = True
    assert "Mails go to ada@example.org." in text(browser, CHOICES)
    browser.post(CHOICES, {"mail": ["harm", "digest"], "page": ["verdict"]})
    kept = NoticeChoice.objects.get(user=ada)
    assert (kept.mail, kept.page) == (["harm", "digest"], ["verdict"])
    page = text(browser, CHOICES)
    assert 'name="mail" value="harm" checked' in page
    assert 'name="mail" value="verdict" checked' not in page
    assert 'name="page" value="verdict" checked' in page
    assert 'name="page" value="digest"' not in page


def test_page_says_why_no_mail_comes(browser, ada, settings):
    assert "no mail server is set" in text(browser, CHOICES)
    settings.CTAOPT_SENDS_MAIL = True
    ada.email = ""
    ada.save()
    assert "no e-mail address" in text(browser, CHOICES)


def test_pages_speak_french(browser, notice):
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    assert "Tout marquer comme lu" in text(browser)
    assert "Un test a un verdict" in text(browser, CHOICES)


def test_owners_are_told_of_a_webhook_that_was_given_up(site, notice, browser):
    webhook = make_webhook(site, "https://example.org/", name="Slack of the shop")
    row = Delivery.objects.create(
        notice=notice, webhook=webhook, next_at=timezone.now(), state="given_up"
    )
    owner = Client()
    owner.force_login(make_reader("olga", site, role="owner"))
    assert "Slack of the shop" in text(owner)
    assert "Slack of the shop" not in text(browser)
    row.state = "sent"
    row.save()
    assert "Slack of the shop" not in text(owner)
