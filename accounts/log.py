"""Writing the log of log-ins.

What a person types as a name is not kept unless an account has that name: it may be a password,
typed into the wrong field.
"""

import hashlib
from typing import Any

from allauth.account import signals as account_signals
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.auth import signals as auth_signals
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import LogInRecord

Kind = LogInRecord.Kind

# A lock-out is recorded once in so many seconds for one name and address, not at each attempt.
LOCK_OUT_S = 300


def record(
    kind: Kind, *, user: AbstractBaseUser | None, request: HttpRequest | None, method: str = ""
) -> None:
    """Write a line of the log."""
    LogInRecord.objects.create(
        at=timezone.now(),
        kind=kind,
        user=user if isinstance(user, User) and user.pk else None,
        method=method[:60],
        address=_address(request),
    )


def record_lock_out(request: HttpRequest, *, name: str) -> None:
    """Write once in a while that a name or an address has had too many attempts."""
    digest = hashlib.sha256(f"{_address(request)} {name.lower()}".encode()).hexdigest()
    if cache.add(f"accounts:lock-out:{digest}", True, LOCK_OUT_S):  # noqa: FBT003
        record(Kind.LOCK_OUT, user=_named(name), request=request)


class PasswordLog:
    """Validator that records every new password, whichever page or command sets it."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Refuse no password: the other validators do."""

    def get_help_text(self) -> str:
        return ""

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        record(Kind.PASSWORD, user=user, request=context.request)


def connect() -> None:
    """Connect the log to the signals of Django and allauth."""
    account_signals.user_logged_in.connect(_on_log_in)
    auth_signals.user_login_failed.connect(_on_failure)
    auth_signals.user_logged_out.connect(_on_log_out)
    mfa_signals.authentication_failed.connect(_on_code_failure)
    mfa_signals.authenticator_added.connect(_on_added)
    mfa_signals.authenticator_removed.connect(_on_removed)
    mfa_signals.authenticator_reset.connect(_on_reset)


def _on_log_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    steps = [
        step.get("type") or step["method"] for step in get_authentication_records(request, user)
    ]
    record(Kind.LOG_IN, user=user, request=request, method=" + ".join(steps))


def _on_failure(*, credentials: dict[str, Any], request: HttpRequest | None, **_: Any) -> None:
    user = _named(str(credentials.get("username", "")))
    record(Kind.FAILURE, user=user, request=request)


def _on_log_out(*, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        record(Kind.LOG_OUT, user=user, request=request)


def _on_code_failure(*, request: HttpRequest, user: User, **_: Any) -> None:
    record(Kind.CODE_FAILURE, user=user, request=request)


def _on_added(*, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    record(Kind.FACTOR_ADDED, user=user, request=request, method=authenticator.type)


def _on_removed(
    *, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    record(Kind.FACTOR_REMOVED, user=user, request=request, method=authenticator.type)


def _on_reset(*, request: HttpRequest, user: User, **_: Any) -> None:
    record(Kind.CODES_RENEWED, user=user, request=request)


def _named(name: str) -> User | None:
    return get_user_model().objects.filter(username=name).first() if name else None


def _address(request: HttpRequest | None) -> str | None:
    return None if request is None else get_client_ip(request)
