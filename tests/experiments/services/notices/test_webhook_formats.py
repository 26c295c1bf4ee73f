import json

import pytest

from experiments.services.notices.webhook_formats import body_of
from experiments.services.notices.wording import words_of
from tests.experiments.services.notices.conftest import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def notice(running_experiment, settings):
    settings.CTAOPT_PUBLIC_URL = "https://cta.example.org"
    running_experiment.name = "A <!channel> & [b](https://evil.example)"
    running_experiment.save()
    return told(running_experiment)


def body(notice, form):
    return json.loads(body_of(notice, words_of(notice), form=form))


def test_json_is_that_of_the_standard(notice):
    sent = body(notice, "json")
    assert sent["type"] == "ctaopt.verdict"
    assert sent["timestamp"] == "2026-11-22T12:00:00+00:00"
    assert sent["data"]["experiment"] == "hero-test"
    assert sent["data"]["site"] == "shop"
    assert sent["data"]["facts"]["winner"] == "b"
    assert sent["data"]["url"].startswith("https://cta.example.org/admin/experiments/experiment/")


def test_slack_shows_text_and_a_link_but_nothing_that_a_name_could_do(notice):
    sent = body(notice, "slack")
    text = sent["blocks"][0]["text"]["text"]
    assert "Ship “hero-test b”." in sent["text"]
    assert "<!channel>" not in json.dumps(sent)
    assert "&lt;!channel&gt; &amp; " in text
    assert "|Open the page>" in text


def test_teams_gets_a_card(notice):
    card = body(notice, "teams")["attachments"][0]["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert "[b](" not in card["body"][0]["text"]
    assert card["actions"][0]["url"].startswith("https://cta.example.org/")


@pytest.mark.parametrize("form", ["json", "slack", "teams"])
def test_without_an_address_of_the_service_there_is_no_link(notice, settings, form):
    settings.CTAOPT_PUBLIC_URL = ""
    sent = json.dumps(body(notice, form))
    assert "/admin/" not in sent
    assert "Open the page" not in sent
