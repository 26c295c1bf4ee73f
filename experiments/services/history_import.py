"""A history file for a site that may have to be found, or made, first."""

import secrets
from pathlib import Path

from django.db import transaction

from experiments import selectors
from experiments.models import Site
from experiments.services.archive import ImportSummary, import_history
from experiments.services.catalogue import bump_revision
from ml.history.reading import HistoryFormat

DEFAULT_SITE = "default"


class UnclearSiteError(Exception):
    """The site of the tests is unknown, or one of several."""


@transaction.atomic
def import_for_site(
    *, site_key: str | None, path: Path, history_format: HistoryFormat
) -> tuple[Site, ImportSummary]:
    """Take a file into the archive of a site; without a key, of the site that is meant.

    That is the site `default`, else the only one there is; where there is none, `default` is
    made. A file that cannot be read leaves nothing behind.

    Raises:
        UnclearSiteError: If there is no such site, or several and none is named.
        ml.history.reading.HistoryFileError: If the file as a whole cannot be read.
    """
    site = _meant_site() if site_key is None else _named_site(site_key)
    return site, import_history(site=site, path=path, history_format=history_format)


def _named_site(key: str) -> Site:
    sites = {site.key: site for site in selectors.sites_to_serve()}
    if key not in sites:
        known = ", ".join(sorted(sites)) or "there is none yet"
        raise UnclearSiteError(f"There is no site {key!r} (known: {known}).")
    return sites[key]


def _meant_site() -> Site:
    sites = {site.key: site for site in selectors.sites_to_serve()}
    if DEFAULT_SITE in sites:
        return sites[DEFAULT_SITE]
    if len(sites) > 1:
        raise UnclearSiteError(f"Name the site with --site: {', '.join(sorted(sites))}.")
    return next(iter(sites.values()), None) or _made_site()


def _made_site() -> Site:
    # Nobody can guess its key before it is shown in the admin.
    site = Site.objects.create(
        key=DEFAULT_SITE, name="Default site", client_key=f"ctaopt_{secrets.token_urlsafe(16)}"
    )
    bump_revision()
    return site
