"""Previews of an experiment's arms: the page they open on, their links and codes for a phone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote, urljoin, urlsplit

import qrcode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from qrcode.constants import ERROR_CORRECT_L

from experiments.admin.cta_preview import draw
from experiments.models import Experiment, Site, Variant
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.serving.preview_links import preview_link, preview_token

# Where a preview may lead: never to a script. Browsers take `//host` and `/\host` for another host.
PAGE = re.compile(r"https?://[^\s/\\]\S*|/(?![/\\])\S*")
# Modules of the code on each side of it, as its readers want them.
QUIET_MODULES = 4
# Characters that need no escape in the address of an image.
SAFE = " =:/'"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCard:
    """One arm as it looks, the link that opens it on its page, and the link as a QR code."""

    arm: Variant
    text: str
    drawn: SafeString
    link: str
    code: str


def preview_cards(experiment: Experiment, page: str) -> list[PreviewCard]:
    """Return the arms with their links; a path alone has no code, for a phone knows no host."""
    return [_card(experiment, arm, page) for arm in experiment.variants.all()]


def _card(experiment: Experiment, arm: Variant, page: str) -> PreviewCard:
    text = wording_of(experiment, arm) or arm.key
    link = preview_link(page, preview_token(arm))
    code = qr_code(link) if urlsplit(link).netloc else ""
    return PreviewCard(arm=arm, text=text, drawn=draw(arm.cta, text), link=link, code=code)


def qr_code(text: str) -> str:
    """Return a QR code as the address of an SVG image: runs of dark modules, one path."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=QUIET_MODULES)
    code.add_data(text)
    rows = code.get_matrix()
    path = "".join(
        f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row)
    )
    box = f"viewBox='0 0 {len(rows)} {len(rows)}' shape-rendering='crispEdges'"
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' {box}><path d='{path}'/></svg>"
    return f"data:image/svg+xml,{quote(svg, safe=SAFE)}"


def _runs(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the start and length of each run of dark modules."""
    start = 0
    for is_dark, modules in groupby(row):
        length = len(list(modules))
        if is_dark:
            yield start, length
        start += length


def page_to_preview(experiment: Experiment, requested: str) -> str:
    """Return a requested page if previews may open on it, or an empty text.

    It is a page of the site; a path is completed by the site's address.
    """
    site = experiment.slot.site
    if not is_page_of(requested, origins_of(site)):
        return ""
    return urljoin(_base(site), requested) if _base(site) else requested


def page_fault(experiment: Experiment) -> str:
    """Return what a page has to be that previews may open on, as a sentence."""
    origins = origins_of(experiment.slot.site)
    if not origins:
        return _("Write an address such as https://example.com/page, or a path such as /page.")
    return _("Write a page of the site: a path such as /page, or an address on %(origins)s.") % {
        "origins": ", ".join(origins)
    }


def is_page_of(page: str, origins: Sequence[str]) -> bool:
    """Return whether a preview may lead there: a path, or a page of the site's origins if known."""
    if not PAGE.fullmatch(page):
        return False
    try:
        parts = urlsplit(page)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:  # No host, or no port, that could be.
        return False
    if not parts.netloc:
        return True
    return is_address and (not origins or f"{parts.scheme}://{parts.netloc}" in origins)


def origins_of(site: Site) -> list[str]:
    """Return the origins of a site's pages, as far as they are known."""
    own = [origin_of(site.address)] if site.address else []
    return [*own, *(one for one in site.allowed_origins if one not in own)]


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address.

    >>> origin_of("https://shop.example/fr/")
    'https://shop.example'
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def page_of(experiment: Experiment) -> str:
    """Return the page on which the slot is, as far as the catalogue knows it."""
    base = _base(experiment.slot.site)
    pattern = experiment.slot.page_pattern.split("*")[0]
    if pattern.startswith("/"):
        return urljoin(base, pattern) if base else pattern
    return base or "/"


def _base(site: Site) -> str:
    """Return the address of a site, or its first allowed origin; empty without either."""
    address = site.address or next(iter(site.allowed_origins), "")
    return address if not address or urlsplit(address).path else f"{address}/"
