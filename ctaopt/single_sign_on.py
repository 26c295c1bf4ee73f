"""Single sign-on by OpenID Connect: who may enter, and what they find there."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from accounts import log
from accounts.models import LogInRecord
from experiments.models import Membership, Site


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts that a superuser made, and new ones of the domains that the settings name."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect the provider's identity with an account at its first log-in, or refuse it.

        Raises:
            ImmediateHttpResponse: The refusal.
        """
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise _refused(request)
        if sociallogin.is_existing:
            return
        address = verified_address(sociallogin.email_addresses)
        user = account_of(address) if address else None
        if user is None:
            raise _refused(request)
        sociallogin.connect(request, user)


def verified_address(addresses: list[EmailAddress]) -> str:
    """Return the first e-mail address that the provider has verified; "" if it has none."""
    return next((one.email.lower() for one in addresses if one.verified and one.email), "")


def account_of(address: str) -> User | None:
    """Return the account of an e-mail address, made now if the address has an admitted domain.

    None if it has several, since either may be meant.
    """
    found = list(User.objects.filter(email__iexact=address)[:2])
    if found:
        return found[0] if len(found) == 1 else None
    domain = address.rpartition("@")[2]
    return _made(address) if domain in settings.CTAOPT_OIDC_DOMAINS else None


@transaction.atomic
def _made(address: str) -> User:
    taken = User.objects.filter(username=address).exists()
    values: dict[str, Any] = {"email": address, "is_staff": True}
    user = User.objects.create_user(f"{address}-sso" if taken else address, **values)
    sites = Site.objects.filter(key__in=settings.CTAOPT_OIDC_ROLES)
    Membership.objects.bulk_create(
        Membership(user=user, site=site, role=settings.CTAOPT_OIDC_ROLES[site.key])
        for site in sites
    )
    return user


def _refused(request: HttpRequest) -> ImmediateHttpResponse:
    log.record(LogInRecord.Kind.REFUSAL, user=None, request=request, method="openid_connect")
    return ImmediateHttpResponse(render(request, "account/signup_closed.html", status=403))
