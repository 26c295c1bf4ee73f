import gzip

import pytest

pytestmark = pytest.mark.on_both_databases


def test_snippet_is_served_as_a_script(browser, script):
    answer = browser.get("/cta.js")
    assert (answer.status, answer.body) == (200, script.read_bytes())
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age=" in answer.headers["cache-control"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://shop.example"}])
def test_snippet_may_be_pinned_by_any_page_even_from_a_cache(browser, script, headers):
    # "*, *" is refused by browsers; a cache keeps the answer to a page without an Origin.
    answer = browser.get("/cta.js", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_snippet_is_not_sent_twice(browser, script):
    etag = browser.get("/cta.js").headers["etag"]
    answer = browser.get("/cta.js", headers={"If-None-Match": f"W/{etag}"})
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)


def test_snippet_asks_no_database(browser, script, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert browser.get("/cta.js").status == 200


@pytest.mark.parametrize("path", ["/cta.js", "/cta-1.2.3.js"])
def test_script_is_compressed_for_who_asks(browser, release, script, path):
    content = b"'use strict';\n" * 100
    script.write_bytes(content)
    release.write_bytes(content)
    for method in ("GET", "HEAD"):
        answer = browser.request(method, path, headers={"Accept-Encoding": "gzip, deflate"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) < len(content) / 5
        assert answer.headers["access-control-allow-origin"] == "*"
    assert gzip.decompress(browser.get(path, headers={"Accept-Encoding": "gzip"}).body) == content
    # Bytes of a range would be of the compressed file: none is promised, all are sent.
    part = browser.get(path, headers={"Range": "bytes=0-9"})
    assert (part.status, part.body) == (200, content)
    assert "accept-ranges" not in part.headers


@pytest.fixture
def release(script):
    """A version of the snippet beside the newest one."""
    path = script.with_name("cta-1.2.3.js")
    path.write_bytes(b"'use strict';1\n")
    path.with_name("cta-1.2.3.js.sri").write_text("sha384-x\n")
    return path


def test_released_version_may_be_kept_for_ever(browser, release):
    answer = browser.get("/cta-1.2.3.js")
    assert (answer.status, answer.body) == (200, release.read_bytes())
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_second_file_is_served_as_a_released_version(browser, release):
    """Scripts of modules need the edge's CORS; the first file asks for exactly its version."""
    second = release.with_name("cta-more-1.2.3.js")
    second.write_bytes(b"export const install = 1;\n" * 50)
    second.with_name(f"{second.name}.sri").write_text("sha384-y\n")
    answer = browser.get(f"/{second.name}", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == second.read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert browser.get(f"/{second.name}.sri").body == b"sha384-y\n"
    assert browser.get("/cta-more-1.2.4.js").status == 404


def test_released_version_has_its_integrity_value_beside_it(browser, release):
    answer = browser.get("/cta-1.2.3.js.sri")
    assert (answer.status, answer.body) == (200, b"sha384-x\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/cta-9.9.9.js", "/cta-1.2.3.js.map", "/cta-1.2.3/../cta.js", "/cta-"]
)
def test_other_file_is_not_found(browser, release, path):
    assert browser.get(path).status == 404
