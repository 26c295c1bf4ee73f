"""Share links: what opens, what is closed alike, and what a stranger learns from either."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from experiments.models import FrozenReport, ShareLink
from experiments.services.documents.frozen_reports import (
    Lock,
    canonical_text,
    freeze_report,
    revoke_link,
    share_report,
    text_digest,
)
from experiments.services.lifecycle.change_log import Occasion
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

WEEK = timedelta(days=7)
PASSWORD = "correct horse"  # noqa: S105  of a test


@pytest.fixture(autouse=True)
def _at_a_fixed_time():
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield
    cache.clear()


@pytest.fixture
def frozen(running_experiment, owner):
    count(running_experiment, (10_000, 500), (10_000, 700))
    experiment = concluded(running_experiment).report.experiment
    return freeze_report(
        experiment=experiment,
        view={"arm": "control", "against": "b"},
        code_version="9.9",
        occasion=Occasion(now=NOW, author=owner, note="for the board"),
    )


def shared(frozen, password="", life=WEEK):
    lock = Lock(expires_at=NOW + life, password=password)
    link, token = share_report(frozen=frozen, lock=lock, occasion=Occasion(now=NOW))
    return link, reverse("shared-report", args=[token])


def told(answer):
    """What a stranger can tell apart: status, headers but for a time, and the page."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, headers, answer.content


def test_link_shows_the_frozen_report_without_an_account(frozen):
    _, url = shared(frozen)
    count(frozen.experiment, (1, 1), (1, 1), phase=1)
    answer = Client().get(url)
    page = answer.content.decode()
    assert answer.status_code == 200
    for text in ("7.000%", "+40.0%", "10,000", "Ship “hero-test b”.", "9.9", frozen.digest):
        assert text in page, text
    # By their wordings: a reader knows no keys.
    assert "hero-test control / hero-test b" in " ".join(page.split())


def test_first_screen_is_that_of_the_report(frozen):
    _, url = shared(frozen)
    page = " ".join(Client().get(url).content.decode().split())
    for text in (
        "By how much?", "+40%", "+20 clicks per 1,000 visitors", "clicks a month",
        "How sure?", "Proven", "Is it clean?", "Visitors split as configured.",
        "What now?", "Show it to everybody, and end the test.",
    ):  # fmt: skip
        assert text in page, text
    # Drawn as visitors saw it, by the nonce and without a style attribute.
    assert page.count("cta-drawn-button") == 2
    assert ' style="' not in page


def pictures_in(page):
    return re.findall(r'(?:src|srcset)="(/shared/pictures/[^"]+)"', page)


def test_pictures_are_those_of_the_day(frozen):
    _, url = shared(frozen)
    addresses = pictures_in(Client().get(url).content.decode())
    answers = [Client().get(address) for address in addresses]
    assert {(one.status_code, one["Content-Type"]) for one in answers} == {(200, "image/svg+xml")}
    assert {one["Cache-Control"] for one in answers} == {"no-store"}
    assert len(answers) >= 3 * 4
    count(frozen.experiment, (100, 90), (100, 1), phase=1)
    again = [Client().get(address).content for address in addresses]
    assert again == [one.content for one in answers]


def test_pictures_close_with_their_link(frozen):
    link, url = shared(frozen)
    address = pictures_in(Client().get(url).content.decode())[0]
    closed = told(Client().get("/shared/none/"))
    assert told(Client().get(address[:-4] + "AAA/")) == closed
    with time_machine.travel(NOW + timedelta(days=1, seconds=1), tick=False):
        assert told(Client().get(address)) == closed
    revoke_link(link=link, occasion=Occasion(now=NOW))
    assert told(Client().get(address)) == closed


def test_pictures_of_a_locked_link_are_given_with_its_page(frozen):
    _, url = shared(frozen, password=PASSWORD)
    assert pictures_in(Client().get(url).content.decode()) == []
    page = Client().post(url, {"password": PASSWORD}).content.decode()
    assert Client().get(pictures_in(page)[0]).status_code == 200


def test_annotations_are_for_colleagues(running_experiment, owner):
    count(running_experiment, (10_000, 500), (10_000, 700))
    running_experiment.annotations.create(
        day=(NOW - timedelta(days=1)).date(), text="The secret sale", author=owner, created_at=NOW
    )
    version = freeze_report(
        experiment=concluded(running_experiment).report.experiment, view={}, code_version="9.9",
        occasion=Occasion(now=NOW),
    )  # fmt: skip
    assert "The secret sale" in version.content
    _, url = shared(version)
    assert "secret sale" not in Client().get(url).content.decode()


def test_version_of_before_the_first_screen_is_shown_as_it_was(frozen):
    _, url = shared(frozen)
    content = json.loads(frozen.content)
    del content["page"]
    text = canonical_text(content)
    FrozenReport.objects.filter(pk=frozen.pk).update(content=text, digest=text_digest(text))
    page = Client().get(url).content.decode()
    assert "Ship “hero-test b”." in page
    assert "control / b" in page
    assert pictures_in(page) == []


def test_page_has_no_admin_no_author_and_no_note(frozen, owner):
    _, url = shared(frozen)
    page = Client().get(url).content.decode()
    for text in ("/admin", owner.username, "for the board", "<script", "<a "):
        assert text not in page, text


@pytest.mark.parametrize("kind", ["open", "locked", "closed"])
def test_answer_is_neither_stored_nor_referred_to_nor_indexed(frozen, kind):
    _, url = shared(frozen, password=PASSWORD if kind == "locked" else "")
    answer = Client().get("/shared/none/" if kind == "closed" else url)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.cookies == {}


def test_closed_links_are_told_apart_by_nothing(frozen, django_assert_num_queries):
    guessed = "/shared/" + "A" * 43 + "/"
    _, expired = shared(frozen, life=timedelta(seconds=1))
    revoked_link, revoked = shared(frozen)
    revoke_link(link=revoked_link, occasion=Occasion(now=NOW))
    locked_link, locked = shared(frozen, password=PASSWORD)
    revoke_link(link=locked_link, occasion=Occasion(now=NOW))
    answers = []
    with time_machine.travel(NOW + timedelta(seconds=2), tick=False):
        for url in (guessed, expired, revoked, locked):
            with django_assert_num_queries(1):
                answers.append(told(Client().get(url)))
        _, deleted = shared(frozen)
        frozen.experiment.delete()
        with django_assert_num_queries(1):
            answers.append(told(Client().get(deleted)))
    assert answers[0][0] == 404
    assert answers == [answers[0]] * 5
    assert b"This link is closed" in answers[0][2]


def test_closed_link_takes_no_password(frozen):
    link, url = shared(frozen, password=PASSWORD)
    revoke_link(link=link, occasion=Occasion(now=NOW))
    assert Client().post(url, {"password": PASSWORD}).status_code == 404


def test_link_with_a_password_shows_nothing_before_it(frozen):
    link, url = shared(frozen, password=PASSWORD)
    assert PASSWORD not in link.password
    question = Client().get(url)
    assert question.status_code == 200
    assert b"Password of this link" in question.content
    for text in ("hero", "10,000", frozen.digest):
        assert text not in question.content.decode()
    wrong = Client().post(url, {"password": "battery staple"})
    assert (wrong.status_code, b"That is not the password." in wrong.content) == (403, True)
    right = Client().post(url, {"password": PASSWORD})
    assert (right.status_code, frozen.digest in right.content.decode()) == (200, True)


def test_wrong_passwords_are_throttled_and_right_ones_are_not(frozen):
    _, url = shared(frozen, password=PASSWORD)
    browser = Client()
    assert {browser.post(url, {"password": PASSWORD}).status_code for _ in range(12)} == {200}
    found = [browser.post(url, {"password": f"guess {n}"}).status_code for n in range(7)]
    assert found == [403] * 5 + [429] * 2
    # By now the right one has to wait, too, or it could be told from the answer.
    assert browser.post(url, {"password": PASSWORD}).status_code == 429
    # Another link of other readers at another address stays open.
    _, other = shared(frozen, password=PASSWORD)
    assert browser.post(other, {"password": PASSWORD}).status_code == 200


def test_wrong_password_sent_twice_counts_once(frozen):
    _, url = shared(frozen, password=PASSWORD)
    browser = Client()
    assert {browser.post(url, {"password": "a typo"}).status_code for _ in range(12)} == {403}
    found = [browser.post(url, {"password": f"guess {n}"}).status_code for n in range(5)]
    assert found == [403] * 4 + [429]


def test_attempts_of_one_address_count_over_all_links(frozen):
    urls = [shared(frozen, password=PASSWORD)[1] for _ in range(3)]
    found = [
        Client().post(url, {"password": f"guess {n}"}).status_code for url in urls for n in range(4)
    ]
    assert found == [403] * 10 + [429] * 2


@pytest.mark.parametrize("token", ["é" * 40, "a" * 5_000, "..", "%00", "' OR 1=1"])
def test_odd_secrets_are_closed_links(db, token):
    assert Client().get(f"/shared/{token}/").status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(frozen, method):
    _, url = shared(frozen)
    assert getattr(Client(), method)(url).status_code == 405


def test_page_speaks_the_readers_language(frozen):
    _, url = shared(frozen)
    page = Client().get(url, headers={"accept-language": "fr"}).content.decode()
    assert 'lang="fr"' in page
    assert "Taux des formulations" in page
    # The verdict, too, whatever the language in which it was frozen.
    assert "Déployez «" in page
    assert "clics par mois" in page


def test_changed_content_is_named(frozen):
    _, url = shared(frozen)
    assert "do not cite it" not in Client().get(url).content.decode()
    changed = frozen.content.replace('"clicks":700', '"clicks":900')
    FrozenReport.objects.filter(pk=frozen.pk).update(content=changed)
    assert "do not cite it" in Client().get(url).content.decode()


def test_changes_since_are_listed_without_their_authors(frozen, owner):
    _, url = shared(frozen)
    later = Occasion(now=NOW + timedelta(hours=1), author=owner)
    frozen.experiment.changes.create(kind="pause", at=later.now, author=owner, note="in secret")
    page = Client().get(url).content.decode()
    assert "Paused" in page.split("Since then")[1]
    assert "in secret" not in page
    assert "Share link made" not in page


def test_secret_stands_in_no_table(frozen):
    _, url = shared(frozen)
    token = url.strip("/").rpartition("/")[2]
    assert token not in str(list(ShareLink.objects.values())) + str(
        list(frozen.experiment.changes.values())
    )
