"""Single sign-on against a provider on loopback: who enters, as whom, with which roles."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User

from accounts.models import LogInRecord
from ctaopt.settings.log_in import providers
from experiments.models import Membership
from tests import factories
from tests.accounts.conftest import add_totp, code_of
from tests.project.fake_provider import CLIENT, FakeProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings):
    fake = FakeProvider()
    settings.SOCIALACCOUNT_PROVIDERS = providers(
        server_url=fake.origin, client_id=CLIENT, secret="s3cret", name="Company"
    )
    yield fake
    fake.stop()


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", "Ada@example.org", is_staff=True)


def enter(client, provider, **claims):
    """Go to the provider and come back as somebody; return the last answer."""
    provider.person |= claims
    there = client.get("/account/oidc/sso/login/?process=login&next=/admin/")
    assert there.headers["Location"].startswith(f"{provider.origin}/authorize?")
    asked = parse_qs(urlsplit(there.headers["Location"]).query)
    back = {"code": "c", "state": asked["state"][0]}
    return client.get("/account/oidc/sso/login/callback/", back), asked


def is_logged_in(client):
    return client.get("/admin/").status_code == 200


def test_account_of_that_address_is_entered_and_known_from_then_on(ada, provider, client):
    answer, asked = enter(client, provider)
    assert answer.headers["Location"] == "/admin/"
    assert is_logged_in(client)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["client_id"] == [CLIENT]
    token = provider.tokens_asked[0]
    assert {"client_secret": "s3cret", "code": "c"}.items() <= token.items()
    assert "code_verifier" in token
    last = LogInRecord.objects.latest("pk")
    assert (last.kind, last.user, last.method) == ("log_in", ada, "socialaccount")
    client.post("/account/logout/")
    # The address has changed there; the identity has not.
    enter(client, provider, email="ada.new@example.org")
    assert is_logged_in(client)
    assert SocialAccount.objects.get().user == ada


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "eve@example.org"},
        {"email_verified": False},
        {"email": ""},
        {"email": "ada@example.org.evil.example"},
    ],
    ids=["unknown", "not verified", "no address", "another domain"],
)
def test_others_are_refused(ada, provider, client, claims):
    answer, _ = enter(client, provider, **claims)
    assert answer.status_code == 403
    assert "no account here has your e-mail address" in answer.content.decode()
    assert not is_logged_in(client)
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 0)
    assert LogInRecord.objects.latest("pk").kind == "refusal"


def test_address_of_two_accounts_opens_neither(ada, provider, client):
    User.objects.create_user("ada2", "ada@example.org", is_staff=True)
    answer, _ = enter(client, provider)
    assert answer.status_code == 403
    assert not is_logged_in(client)


def test_inactive_account_stays_closed(ada, provider, client):
    ada.is_active = False
    ada.save()
    enter(client, provider)
    assert not is_logged_in(client)


def test_second_factor_is_asked_for_here_too(ada, provider, client):
    secret = add_totp(ada)
    answer, _ = enter(client, provider)
    assert answer.headers["Location"].startswith("/account/2fa/authenticate/")
    assert not is_logged_in(client)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_logged_in(client)


def test_account_of_an_admitted_domain_is_made_with_the_roles_of_the_settings(
    provider, client, settings
):
    settings.CTAOPT_OIDC_DOMAINS = ["example.org"]
    settings.CTAOPT_OIDC_ROLES = {"shop": "viewer", "unknown": "owner"}
    site = factories.make_site()
    factories.make_site("rival")
    enter(client, provider, email="new@example.org")
    assert is_logged_in(client)
    person = User.objects.get()
    assert (person.username, person.is_staff, person.is_superuser) == (
        "new@example.org",
        True,
        False,
    )
    assert not person.has_usable_password()
    assert [*Membership.objects.values_list("user", "site", "role")] == [
        (person.pk, site.pk, "viewer")
    ]


def test_admitted_person_has_no_role_unless_the_settings_give_one(provider, client, settings):
    settings.CTAOPT_OIDC_DOMAINS = ["example.org"]
    factories.make_site()
    enter(client, provider, email="new@example.org")
    assert is_logged_in(client)
    assert not Membership.objects.exists()


def test_new_account_takes_nobody_s_name(provider, client, settings):
    settings.CTAOPT_OIDC_DOMAINS = ["example.org"]
    User.objects.create_superuser("new@example.org", "other@example.org")
    enter(client, provider, email="new@example.org")
    made = User.objects.get(email="new@example.org")
    assert (made.username, made.is_superuser) == ("new@example.org-sso", False)


def test_person_of_single_sign_on_sets_up_a_second_factor(ada, provider, client):
    enter(client, provider)
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert ada.authenticator_set.filter(type="totp").exists()


@pytest.mark.parametrize("process", ["connect", "redirect"])
def test_identity_is_not_connected_in_any_other_way(ada, provider, client, process):
    client.force_login(factories.make_person("eve"))
    there = client.get(f"/account/oidc/sso/login/?process={process}&next=/admin/")
    state = parse_qs(urlsplit(there.headers["Location"]).query)["state"][0]
    answer = client.get("/account/oidc/sso/login/callback/", {"code": "c", "state": state})
    assert answer.status_code == 403
    assert not SocialAccount.objects.exists()


def test_forged_or_repeated_answer_is_refused(ada, provider, client):
    forged = {"code": "c", "state": "made up"}
    answer = client.get("/account/oidc/sso/login/callback/", forged)
    assert "Third-Party Login Failure" in answer.content.decode()
    assert not is_logged_in(client)


def test_person_who_cancels_there_comes_back_to_a_page(ada, provider, client):
    there = client.get("/account/oidc/sso/login/?process=login")
    state = parse_qs(urlsplit(there.headers["Location"]).query)["state"][0]
    sent = {"error": "access_denied", "state": state}
    answer = client.get("/account/oidc/sso/login/callback/", sent, follow=True)
    assert answer.redirect_chain[-1][0] == "/account/sso/cancelled/"
    assert answer.status_code == 200


def test_silent_provider_gives_a_page_and_no_traceback(ada, provider, client):
    provider.stop()
    answer = client.get("/account/oidc/sso/login/?process=login")
    assert answer.status_code == 503
    assert "Third-Party Login Failure" in answer.content.decode()


def test_button_is_there_with_a_provider_only(provider, client, settings):
    page = client.get("/account/login/").content.decode()
    assert "Company" in page
    assert "/account/oidc/sso/login/?process=login" in page
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "oidc" not in client.get("/account/login/").content.decode()
    assert client.get("/account/oidc/sso/login/").status_code == 404
