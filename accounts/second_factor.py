"""Second factors: whether a person has one, and a reset for those who have lost theirs."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.http import HttpRequest

from accounts import log
from accounts.adapters import renewed
from accounts.models import LogInRecord

# Recovery codes alone are none: they come with one of these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: AbstractBaseUser) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


@transaction.atomic
def reset_second_factor(user: User, *, request: HttpRequest | None = None) -> int:
    """Remove all second factors and recovery codes of a person, and end their sessions.

    Returns:
        Number of removed factors, recovery codes included.
    """
    removed: tuple[int, Any] = Authenticator.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user):
        session.end()
    if removed[0]:
        log.record(LogInRecord.Kind.FACTORS_RESET, user=user, request=request)
    return removed[0]


# Where a factor has its secret; those of security keys are public.
SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


@transaction.atomic
def renew_encryption() -> int:
    """Encrypt with the present key what a former one has encrypted; return how many those were."""
    count = 0
    for row in Authenticator.objects.select_for_update().filter(type__in=SECRETS):
        name = SECRETS[row.type]
        secret = renewed(row.data[name])
        if secret != row.data[name]:
            row.data[name] = secret
            row.save(update_fields=["data"])
            count += 1
    return count
