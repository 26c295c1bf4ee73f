import pytest

from accounts.preferences import keep_preference
from experiments.models import Delivery, Notice
from experiments.services.notices.mail import mail_of
from tests.experiments.services.notices.conftest import make_reader, told
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]


def mail_to(reader, notice):
    delivery = Delivery.objects.create(notice=notice, user=reader, next_at=NOW)
    reader.refresh_from_db()
    return mail_of(delivery, reader=reader, now=NOW)


def html(mail):
    ((content, kind),) = mail.alternatives
    assert kind == "text/html"
    return content


def test_mail_is_text_and_html_with_a_link_to_the_page(site, running_experiment):
    mail = mail_to(make_reader("ada", site), told(running_experiment))
    assert mail.subject == "hero-test: Ship “hero-test b”."
    assert mail.to == ["ada@example.org"]
    link = f"https://cta.example.org/admin/experiments/experiment/{running_experiment.pk}/end/"
    choices = "https://cta.example.org/admin/experiments/site/notices/choices/"
    assert link in mail.body
    assert f'href="{link}"' in html(mail)
    assert choices in mail.body
    assert f'href="{choices}"' in html(mail)
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"


def test_mail_is_in_the_language_and_the_zone_of_its_reader(site, running_experiment):
    ada = make_reader("ada", site)
    keep_preference(ada, language="fr", time_zone="Europe/Paris")
    mail = mail_to(ada, told(running_experiment))
    assert mail.subject == "hero-test\u00a0: Déployez «\u00a0hero-test b\u00a0»." or (
        "hero-test b" in mail.subject and "Ship" not in mail.subject
    )
    assert "22 nov. 2026, 13:00 (Europe/Paris)" in mail.body
    assert '<html lang="fr">' in html(mail)
    assert "Ouvrir la page" in html(mail)


def test_reader_without_a_language_gets_the_site_s(site, running_experiment):
    site.default_locale = "fr"
    site.save()
    running_experiment.refresh_from_db()
    mail = mail_to(make_reader("ada", site), told(running_experiment))
    assert '<html lang="fr">' in html(mail)


def test_name_makes_neither_headers_nor_markup(site, running_experiment):
    running_experiment.name = "a\r\nBcc: eve@example.org <b>x</b> & y" + "z" * 200
    running_experiment.save()
    mail = mail_to(make_reader("ada", site), told(running_experiment))
    assert mail.subject.startswith("a Bcc: eve@example.org <b>x</b> & y")
    assert len(mail.subject) == 150
    assert mail.message()["Bcc"] is None
    assert "<b>x</b>" not in html(mail)
    assert "<b>x</b> & y" in mail.body


def test_every_attempt_has_the_same_message_id(site, running_experiment):
    ada, notice = make_reader("ada", site), told(running_experiment)
    first = mail_to(ada, notice)
    again = mail_of(Delivery.objects.get(), reader=ada, now=NOW)
    name = first.extra_headers["Message-ID"]
    assert name == again.extra_headers["Message-ID"]
    assert name.endswith("@cta.example.org>")


def test_digest_without_anything_is_no_mail(site):
    notice = Notice.objects.create(kind="digest", at=NOW, occurrence="digest:1")
    assert mail_to(make_reader("ada", site), notice) is None


def test_digest_has_the_lists(site, running_experiment):
    notice = Notice.objects.create(kind="digest", at=NOW, occurrence="digest:1")
    mail = mail_to(make_reader("ada", site), notice)
    assert mail.subject == "Your tests this week"
    for content in (mail.body, html(mail)):
        assert "Runs" in content
        assert "hero-test" in content
        assert (
            f"https://cta.example.org/admin/experiments/experiment/{running_experiment.pk}/"
            in content
        )
