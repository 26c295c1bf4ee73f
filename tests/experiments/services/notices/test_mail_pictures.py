import struct
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.utils import translation

from accounts.preferences import keep_preference
from experiments.models import Delivery, Notice
from experiments.services.notices import mail as notice_mail
from experiments.services.notices import mail_pictures
from experiments.services.notices.mail import mail_of
from experiments.services.notices.mail_pictures import picture_of_lifts
from experiments.services.reporting.standings import keep_standings
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.experiments.services.notices.conftest import make_reader, told
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]


@pytest.fixture(autouse=True)
def _no_picture_is_kept():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def won(running_experiment):
    count(running_experiment, (1_000, 100), (1_000, 150), day=NOW.date())
    return running_experiment


def sent(reader, notice):
    delivery = Delivery.objects.create(notice=notice, user=reader, next_at=NOW)
    reader.refresh_from_db()
    mail = mail_of(delivery, reader=reader, now=NOW)
    return message_from_bytes(mail.message().as_bytes(), policy=policy.default)


def images(mail):
    return [part for part in mail.walk() if part.get_content_type() == "image/png"]


def html(mail):
    return mail.get_body(("html",)).get_content()


def test_mail_about_a_verdict_carries_the_lifts_that_its_html_names(won, site):
    mail = sent(make_reader("ada", site), told(won))
    (image,) = images(mail)
    assert mail.get_content_type() == "multipart/related"
    assert image["Content-ID"] == f"<lifts-{won.pk}@ctaopt>"
    assert image.get_content_disposition() == "inline"
    assert f'src="cid:lifts-{won.pk}@ctaopt"' in html(mail)
    png = image.get_content()
    assert png.startswith(b"\x89PNG")
    (width,) = struct.unpack(">I", png[16:20])
    assert 600 < width < 760


def test_same_lift_stands_in_words_in_the_text_and_for_readers_without_images(won, site):
    mail = sent(make_reader("ada", site), told(won))
    # 15 % against 10 %.
    text = mail.get_body(("plain",)).get_content()
    assert "hero-test b: +50" in text
    assert "The highest lift is that of “hero-test b”" in text
    assert 'alt="hero-test b: +50' in html(mail)


def test_picture_is_in_the_reader_s_language(won, site):
    ada = make_reader("ada", site)
    keep_preference(ada, language="fr")
    mail = sent(ada, told(won))
    assert "Gain relatif de chaque formulation" in html(mail)
    assert len(images(mail)) == 1


@pytest.mark.parametrize("kind", [Notice.Kind.STARTED, Notice.Kind.NO_TRAFFIC])
def test_mail_about_something_else_has_no_picture(won, site, kind):
    assert images(sent(make_reader("ada", site), told(won, kind, silent_hours=3))) == []


def test_mail_whose_picture_fails_is_sent_without_it_and_the_log_has_why(
    won, site, monkeypatch, caplog
):
    def broken(*_, **__):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(mail_pictures, "draw_png", broken)
    mail = sent(make_reader("ada", site), told(won))
    assert images(mail) == []
    assert "cid:" not in html(mail)
    assert f"no picture of experiment {won.pk} in a mail" in caplog.text
    assert "no fonts" in caplog.text


def test_test_without_visitors_or_with_a_broken_split_has_no_picture(running_experiment, site):
    assert picture_of_lifts(running_experiment.pk, now=NOW) is None
    split = factories.make_running_experiment(factories.make_slot(site, "footer"), "split")
    count(split, (2_000, 100), (1_000, 150), day=NOW.date())
    assert picture_of_lifts(split.pk, now=NOW) is None
    assert picture_of_lifts(0, now=NOW) is None


def test_picture_is_drawn_once_for_all_readers_of_a_language(won, monkeypatch):
    drawn = []
    monkeypatch.setattr(mail_pictures, "draw_png", lambda *_, **how: drawn.append(how) or b"png")
    for language in ("en", "en", "fr"):
        with translation.override(language):
            picture_of_lifts(won.pk, now=NOW)
    assert [how["language"] for how in drawn] == ["en", "fr"]


def test_digest_shows_the_lifts_of_its_tests_under_their_names(slot, site):
    won = factories.make_running_experiment(slot, "won")
    count(won, (1_000, 60), (1_000, 150), day=NOW.date())
    keep_standings(now=NOW)
    notice = Notice.objects.create(kind="digest", at=NOW, occurrence="digest:1")
    mail = sent(make_reader("ada", site), notice)
    (image,) = images(mail)
    assert image["Content-ID"] == f"<lifts-{won.pk}@ctaopt>"
    assert ">won</h2>" in html(mail)


def test_digest_of_many_tests_without_a_lift_looks_at_the_first(monkeypatch):
    rows = [SimpleNamespace(pk=number, name=f"test {number}") for number in range(40)]
    asked = []
    monkeypatch.setattr(notice_mail, "picture_of_lifts", lambda pk, *, now: asked.append(pk))
    assert (
        notice_mail._pictures_of([SimpleNamespace(rows=rows), SimpleNamespace(rows=rows)], NOW)
        == []
    )
    assert asked == [*range(notice_mail.MOST_ASKED)]
