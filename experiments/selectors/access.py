"""Keys of sites: the one that a digest names, those that end soon, and the history of access."""

from datetime import datetime

from django.db.models import Q, QuerySet

from experiments.models import AccessRecord, FormerClientKey, ServerKey, Site


def server_key_of(*, digest: str) -> ServerKey | None:
    """Return the key of this digest in any state: each state costs the same query."""
    return ServerKey.objects.select_related("site").filter(digest=digest).first()


def former_client_keys(*, now: datetime) -> QuerySet[FormerClientKey]:
    """Return the replaced client keys whose overlap is not over."""
    return FormerClientKey.objects.filter(expires_at__gt=now)


def former_client_keys_of(site: Site) -> QuerySet[FormerClientKey]:
    return FormerClientKey.objects.filter(site=site)


def server_keys_ending(*, now: datetime, until: datetime) -> QuerySet[ServerKey]:
    """Return the valid keys that expire by then, of all sites, the first to end first."""
    rows = ServerKey.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lte=until)
    return rows.select_related("site", "successor").order_by("expires_at")


def former_client_keys_ending(*, now: datetime, until: datetime) -> QuerySet[FormerClientKey]:
    """Return the replaced client keys whose overlap ends by then."""
    rows = former_client_keys(now=now).filter(expires_at__lte=until)
    return rows.select_related("site").order_by("expires_at")


def access_records_of(site: Site) -> QuerySet[AccessRecord]:
    """Return what was done to the keys of a site and with them, the latest first."""
    return AccessRecord.objects.filter(site=site).select_related("author")


def has_key_of_name(*, site: Site, name: str, now: datetime) -> bool:
    """Return whether a key that opens something has this name."""
    is_valid = Q(expires_at=None) | Q(expires_at__gt=now)
    return ServerKey.objects.filter(is_valid, site=site, name=name, revoked_at=None).exists()
