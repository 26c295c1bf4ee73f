import pytest

from experiments.api.public.access import site_of
from experiments.api.public.http import RefusedError, Request
from experiments.services.serving.snapshot import Snapshot
from tests.factories import served_site

pytestmark = pytest.mark.on_both_databases

SITE = served_site(allowed_origins=frozenset({"https://shop.example"}))
SNAPSHOT = Snapshot(revision=1, client_keys={"publishable": SITE}, server_key_digests={})


def request(**environ):
    return Request(method="POST", path="/", query="", environ=environ)


def test_header_key_wins_over_one_in_the_address():
    asked = request(HTTP_X_API_KEY="unknown")
    with pytest.raises(RefusedError) as refused:
        site_of(asked, SNAPSHOT, client_key="publishable")
    assert (refused.value.status, refused.value.code) == (401, "")


@pytest.mark.parametrize("origin", [{}, {"HTTP_ORIGIN": "https://shop.example"}])
def test_server_without_origin_and_allowed_page_get_in(origin):
    assert site_of(request(HTTP_X_API_KEY="publishable", **origin), SNAPSHOT) is SITE


def test_page_elsewhere_is_refused():
    asked = request(HTTP_X_API_KEY="publishable", HTTP_ORIGIN="https://evil.example")
    with pytest.raises(RefusedError) as refused:
        site_of(asked, SNAPSHOT)
    assert refused.value.status == 403
