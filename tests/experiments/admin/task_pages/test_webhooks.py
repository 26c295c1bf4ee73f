from experiments.models import Webhook
from experiments.services.notices.webhook_secrets import secret_of
from tests.experiments.admin.notices.test_webhooks import values
from tests.experiments.admin.task_pages.test_page import compose, fields_of, page_of, text_of


def test_webhook_is_made_and_shows_its_secret(admin_client, site):
    answer = admin_client.post(compose("webhook"), values(site, "https://hook.example.org/a"))
    webhook = Webhook.objects.get()
    assert answer.url == page_of(webhook)
    page = text_of(admin_client.get(page_of(webhook)))
    assert secret_of(webhook) in page
    assert "Send a test" in page


def test_site_is_not_asked_where_there_is_one(admin_client, site):
    page = admin_client.get(compose("webhook"))
    assert page.context["adminform"].form["site"].is_hidden
    assert fields_of(page)["site"] == site.pk


def test_site_is_asked_where_there_are_two(admin_client, site, other_site):
    assert not admin_client.get(compose("webhook")).context["adminform"].form["site"].is_hidden
