import gzip
import json

import pytest

from experiments.api.public import content_coding, payload
from experiments.api.public.payload import PREFIX
from experiments.api.public.router import Edge
from experiments.models import CTAWording
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient

pytestmark = pytest.mark.on_both_databases

PATH = f"{PREFIX}/shop-client-key"


@pytest.fixture
def cache(browser):
    """A cache on the way: it holds no key."""
    browser.key = ""
    return browser


def test_payload_is_public_and_cacheable(cache, running_experiment):
    answer = cache.get(PATH)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert list(answer.json()["features"]) == ["hero"]
    assert answer.headers["cache-control"] == (
        "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400"
    )
    # It says nothing about the asker, and the SDKs must not look for a stream at this address.
    assert answer.headers["vary"] == "Accept-Encoding"
    assert not {"set-cookie", "x-sse-support"} & answer.headers.keys()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_payload_is_compressed_for_who_asks(cache, running_experiment, method):
    plain = cache.get(PATH)
    answer = cache.request(method, PATH, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(plain.body)
    assert answer.headers["etag"] != plain.headers["etag"]
    body = plain.body if method == "HEAD" else gzip.decompress(answer.body)
    assert body == plain.body


def test_payload_that_a_change_elsewhere_leaves_alone_is_not_compressed_again(
    cache, running_experiment, other_site, monkeypatch
):
    lengths = []

    def counted(body, effort):
        lengths.append(len(body))
        return gzip.compress(body)

    monkeypatch.setitem(content_coding.ENCODERS, "gzip", counted)
    monkeypatch.setattr(payload, "_encoded", {})
    headers = {"Accept-Encoding": "gzip"}
    cache.get(PATH, headers=headers)
    factories.make_slot(other_site)
    bump_revision()
    cache.get(PATH, headers=headers)
    assert len(lengths) == 1
    CTAWording.objects.update(text="New words")
    bump_revision()
    changed = cache.get(PATH, headers=headers)
    assert len(lengths) == 2
    assert b"New words" in gzip.decompress(changed.body)


@pytest.mark.parametrize("written", ["{}", "W/{}", '"other", {}'])
def test_known_version_is_not_sent_again(cache, running_experiment, written):
    etag = cache.get(PATH).headers["etag"]
    again = cache.get(PATH, headers={"If-None-Match": written.format(etag)})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"].startswith("public, max-age=60")
    assert again.headers["access-control-expose-headers"] == "ETag, Retry-After"


def test_etag_moves_with_the_site_and_with_no_other(cache, running_experiment, other_site):
    etag = cache.get(PATH).headers["etag"]
    factories.make_slot(other_site)
    bump_revision()
    assert cache.get(PATH).headers["etag"] == etag
    CTAWording.objects.update(text="New words")
    bump_revision()
    changed = cache.get(PATH, headers={"If-None-Match": etag})
    assert (changed.status, changed.headers["etag"] != etag) == (200, True)
    assert b"New words" in changed.body


def test_every_process_gives_the_same_etag(cache, running_experiment):
    other = WSGIClient(Edge(django_app, SnapshotStore(max_age_s=0.0)))
    assert other.get(PATH).headers["etag"] == cache.get(PATH).headers["etag"]


@pytest.mark.parametrize(
    "key", ["", "unknown", "shop-server-key", "shop-client-key/", "é", "../x", "k" * 5_000]
)
def test_other_keys_are_404_and_not_cached(cache, running_experiment, server_key, key):
    answer = cache.get(f"{PREFIX}/{key}")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert answer.json()["errorDetails"] == "no site has this client key"


def test_site_sees_its_own_slots_only(cache, running_experiment, other_site):
    assert cache.get(f"{PREFIX}/rival-client-key").json() == {"features": {}}


def test_origin_is_not_looked_at_because_a_cache_could_not(cache, slot):
    slot.site.allowed_origins = ["https://shop.example"]
    slot.site.save()
    assert cache.get(PATH, headers={"Origin": "https://evil.example"}).status == 200


@pytest.mark.parametrize(("is_demo", "status"), [(True, 200), (False, 404)])
def test_published_key_opens_nothing_outside_the_demo(cache, slot, settings, is_demo, status):
    settings.CTAOPT_DEMO = is_demo
    slot.site.client_key = "demo-client-key"
    slot.site.save()
    assert cache.get(f"{PREFIX}/demo-client-key").status == status


def test_payload_is_served_without_a_query(running_experiment, django_assert_num_queries):
    cache = WSGIClient(Edge(django_app, SnapshotStore(max_age_s=3600.0)))
    cache.get(PATH)
    with django_assert_num_queries(0):
        assert json.loads(cache.get(PATH).body)["features"]
