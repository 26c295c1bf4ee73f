"""Keys that end soon although they are still used, or have no successor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.models import FormerClientKey, ServerKey, Site
from experiments.selectors import access

WARNED_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingKey:
    """A key that ends soon; `is_client_key`: a replaced one that pages still have."""

    site: Site
    name: str
    ends_at: datetime
    last_used_at: datetime | None
    is_client_key: bool


def ending_keys(
    *,
    now: datetime,
    sites: QuerySet[Site] | None = None,
    within: timedelta = WARNED_BEFORE,
) -> Sequence[EndingKey]:
    """Return the keys whose end will be missed by somebody, the first to end first.

    Those are server keys without a successor, and any key that is used although it was replaced.

    Args:
        now: Moment of the look.
        sites: Sites to look at; None for all.
        within: Time before the end in which a key is named.
    """
    servers = access.server_keys_ending(now=now, until=now + within)
    clients = access.former_client_keys_ending(now=now, until=now + within)
    if sites is not None:
        servers, clients = servers.filter(site__in=sites), clients.filter(site__in=sites)
    found = [_server_key(key) for key in servers if _is_missed(key)]
    found += [_client_key(key) for key in clients if key.last_used_at is not None]
    return sorted(found, key=lambda one: one.ends_at)


def ending_in_words(ending: EndingKey) -> str:
    """Return a sentence for the person who can do something about it."""
    values = {
        "site": ending.site.name,
        "key": ending.name,
        "end": date_format(timezone.localtime(ending.ends_at), "SHORT_DATETIME_FORMAT"),
    }
    if ending.is_client_key:
        return (
            _("%(site)s: pages still use the former client key %(key)s, which ends on %(end)s.")
            % values
        )
    if ending.last_used_at is None:
        return _("%(site)s: the server key %(key)s expires on %(end)s. It was never used.") % values
    return _("%(site)s: the server key %(key)s is in use and expires on %(end)s.") % values


def _is_missed(key: ServerKey) -> bool:
    if key.successor is None:
        return True
    return key.last_used_at is not None and key.last_used_at > key.successor.created_at


def _server_key(key: ServerKey) -> EndingKey:
    ends_at = key.expires_at
    assert ends_at is not None, "the query asks for keys with an end"  # noqa: S101
    return EndingKey(
        site=key.site,
        name=str(key),
        ends_at=ends_at,
        last_used_at=key.last_used_at,
        is_client_key=False,
    )


def _client_key(former: FormerClientKey) -> EndingKey:
    return EndingKey(
        site=former.site,
        name=former.key,
        ends_at=former.expires_at,
        last_used_at=former.last_used_at,
        is_client_key=True,
    )
