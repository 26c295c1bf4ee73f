import re
from urllib.parse import unquote

import pytest
import qrcode
from django.urls import reverse

from experiments.admin.workflow.previews import page_of, page_to_preview, qr_code
from experiments.models import Event, Site
from tests import factories

LINK = "https://shop.example/pricing/?ctaopt_preview=" + "Wz" * 40


def placed(address="", pattern="", origins=()):
    """An unsaved experiment on a slot of such a site."""
    site = Site(address=address, allowed_origins=list(origins))
    slot = factories.Slot(site=site, page_pattern=pattern)
    return factories.Experiment(slot=slot)


@pytest.mark.parametrize(
    ("address", "pattern", "origins", "page"),
    [
        ("https://shop.example", "", (), "https://shop.example/"),
        ("https://shop.example/fr/", "", (), "https://shop.example/fr/"),
        ("https://shop.example", "/pricing/*", (), "https://shop.example/pricing/"),
        ("https://shop.example/fr/", "/pricing", (), "https://shop.example/pricing"),
        ("", "/pricing", ("https://cdn.example",), "https://cdn.example/pricing"),
        ("https://a.example", "/x", ("https://b.example",), "https://a.example/x"),
        ("", "/pricing/*", (), "/pricing/"),
        ("", "*", (), "/"),
        ("https://shop.example", "*/cart", (), "https://shop.example/"),
    ],
)
def test_address_and_pattern_complete_the_page(address, pattern, origins, page):
    assert page_of(placed(address, pattern, origins)) == page


@pytest.mark.parametrize(
    ("requested", "page"),
    [
        ("/signup?a=1", "https://shop.example/signup?a=1"),
        ("https://shop.example/b", "https://shop.example/b"),
        ("https://evil.example/b", ""),
        ("//evil.example/b", ""),
        ("javascript:alert(1)", ""),
        ("pricing", ""),
    ],
)
def test_requested_page_is_one_of_the_site(requested, page):
    assert page_to_preview(placed("https://shop.example"), requested) == page


def drawn(code):
    """The modules that an SVG path draws, row by row."""
    svg = unquote(code.removeprefix("data:image/svg+xml,"))
    size = int(re.search(r"viewBox='0 0 (\d+) ", svg)[1])
    rows = [[False] * size for _ in range(size)]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg):
        for place in range(int(x), int(x) + int(length)):
            rows[int(y)][place] = True
    return rows


def test_code_draws_every_module_and_is_small():
    wanted = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=4)
    wanted.add_data(LINK)
    assert drawn(qr_code(LINK)) == wanted.get_matrix()
    assert len(qr_code(LINK)) < 12_000


def traffic(client, experiment):
    url = reverse("admin:experiments_experiment_traffic", args=[experiment.pk])
    return re.sub(r"\s+", " ", client.get(url).content.decode())


def test_arms_stand_side_by_side_with_link_and_code(admin_client, draft):
    Site.objects.update(address="https://shop.example")
    body = traffic(admin_client, draft)
    assert body.count('href="https://shop.example/?ctaopt_preview=') == 2
    assert body.count('src="data:image/svg+xml,') == 2
    assert "QR code of the preview “hero-test b” for a phone" in body
    assert "<strong>hero-test control</strong>" in body
    assert not Event.objects.exists()


def test_site_without_address_is_told_so(admin_client, draft):
    body = traffic(admin_client, draft)
    assert "The site has no address, so these links open this service." in body
    settings = reverse("admin:experiments_site_settings", args=[draft.slot.site_id])
    assert f'href="{settings}">' in body
    assert "data:image" not in body.partition('id="previews"')[2]
