import pytest


def test_demo_page_embeds_both_slots(demo_site, client):
    page = client.get("/").content.decode()
    assert 'data-key="demo-client-key"' in page
    assert 'data-cta-slot="hero-signup"' in page
    assert 'data-cta-slot="library-home"' in page


def test_demo_page_leads_to_the_reports(demo_site, client, owner):
    page = client.get("/").content.decode()
    client.force_login(owner)
    for experiment in ("Library home page", "Sign-up button"):
        assert experiment in page
    links = {part.split('"')[0] for part in page.split('href="') if "/report/" in part[:60]}
    assert len(links) == 2
    assert {client.get(link).status_code for link in links} == {200}


def test_demo_page_thanks_for_a_click_only_after_one(demo_site, client):
    assert 'class="thanks"' in client.get("/?thanks=1").content.decode()
    assert 'class="thanks"' not in client.get("/").content.decode()


def test_demo_page_costs_four_queries(demo_site, client, django_assert_num_queries):
    # Experiments, their phases and variants, the wordings of these.
    with django_assert_num_queries(4):
        client.get("/")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_demo_page_says_its_language(demo_site, client, language):
    page = client.get("/", headers={"accept-language": language}).content.decode()
    assert f'<html lang="{language}">' in page


def test_first_page_elsewhere_is_the_admin(db, client, settings):
    settings.CTAOPT_DEMO = False
    assert client.get("/").headers["Location"] == "/admin/"
