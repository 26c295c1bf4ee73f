"""Client keys: rotation with an overlap in which old pages go on, and its end."""

from datetime import datetime, timedelta

from django.db import transaction

from experiments.models import FormerClientKey, Site
from experiments.models.validators import new_client_key
from experiments.services.catalogue.access_log import COMMAND_LINE, Actor, Kind, record_access
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.server_keys import LONGEST_OVERLAP


@transaction.atomic
def rotate_client_key(
    *, site: Site, overlap: timedelta, now: datetime, by: Actor = COMMAND_LINE
) -> str:
    """Give a site a new client key, and return it; the old one opens as long as the overlap.

    Args:
        site: Site; its row is changed.
        overlap: Time for which pages with the old key go on, at most a year; zero ends it at once.
        now: Moment of the rotation.
        by: Person who rotates.
    """
    locked = Site.objects.select_for_update().get(pk=site.pk)
    old, site.client_key = locked.client_key, new_client_key()
    ends_at = now + min(overlap, LONGEST_OVERLAP)
    # A key that is back in use by hand may have been a former one before.
    FormerClientKey.objects.update_or_create(
        key=old, defaults={"site": site, "replaced_at": now, "expires_at": ends_at}
    )
    Site.objects.filter(pk=site.pk).update(client_key=site.client_key)
    note = f"{old} -> {site.client_key}, {ends_at:%Y-%m-%d %H:%M} UTC"
    record_access(site, Kind.CLIENT_KEY_ROTATED, at=now, by=by, key=site.client_key, note=note)
    bump_revision()
    return site.client_key


@transaction.atomic
def end_former_client_key(
    *, former: FormerClientKey, now: datetime, by: Actor = COMMAND_LINE
) -> bool:
    """End the overlap of a replaced client key now; return False if it was over."""
    rows = FormerClientKey.objects.filter(pk=former.pk, expires_at__gt=now)
    ended = rows.update(expires_at=now)
    if ended:
        record_access(former.site, Kind.CLIENT_KEY_ENDED, at=now, by=by, key=former.key)
        bump_revision()
    return ended == 1
