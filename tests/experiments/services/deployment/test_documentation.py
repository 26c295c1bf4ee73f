"""The documentation at /docs/: strict, under the policy of the service, without other hosts."""

import re

import pytest
from django.conf import settings

from docs.write_glossary import HEADS, glossary_page
from experiments.glossary import page_of
from experiments.services.deployment import documentation

OF_ANOTHER_HOST = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?(?:https?:)?//")


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory):
    """The site, built once for all tests: MkDocs takes seconds."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "DATA_DIR", tmp_path_factory.mktemp("data"))
        documentation.built_site.cache_clear()
        yield documentation.built_site()
    documentation.built_site.cache_clear()


def test_pages_load_nothing_of_another_host(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    assert [str(one) for one in pages if OF_ANOTHER_HOST.search(one.read_text())] == []


def test_page_obeys_the_content_security_policy(client):
    answer = client.get("/docs/guide-marketer/")
    page, policy = answer.content.decode(), answer.headers["Content-Security-Policy"]
    nonces = set(re.findall(r"<script nonce=\"([^\"]+)\"", page))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert "<script>" not in page
    assert not re.search(r"script-src[^;]*unsafe", policy)
    assert "Reading the report" in page


LANGUAGES = {"": "en", "guide-marketer": "en", "accueil": "fr", "guide-marketing": "fr"}
LANGUAGES |= {"glossary": "en", "glossaire": "fr"}


@pytest.mark.parametrize("name", LANGUAGES)
def test_page_names_its_language_and_that_of_what_stands_around_it(site, name):
    page = (site / name / "index.html").read_text()
    assert f'<html lang="{LANGUAGES[name]}" ' in page
    other = set(re.findall(r'<(\w+) lang="en" [^>]*class="md-([a-z]+)', page))
    around = {("header", "header"), ("div", "sidebar"), ("footer", "footer"), ("a", "skip")}
    assert other == (around if LANGUAGES[name] == "fr" else set())
    # The table of contents has the page's own headings.
    assert not re.search(r'lang="en"[^>]*md-sidebar--secondary', page)


def test_french_readers_are_told_what_is_in_french(site):
    start = (site / "index.html").read_text()
    said = start[start.index('<div lang="fr">') :].split("</div>")[0]
    assert "accueil/" in said
    assert "Le reste\nde la documentation est en anglais." in said


def test_pages_are_sent_compressed(client):
    answer = client.get("/docs/guide-marketing/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_files_with_a_digest_may_be_kept(client, site):
    script = next((site / "assets" / "javascripts").glob("bundle.*.min.js"))
    answer = client.get(f"/docs/assets/javascripts/{script.name}")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"] == "text/javascript"


@pytest.mark.parametrize("path", ["nothing/", "../secret_key", "..%2f..%2fsecret_key", "a\0b"])
def test_what_is_no_page_is_not_found(client, path):
    assert client.get(f"/docs/{path}").status_code == 404


def test_folder_without_its_slash_leads_to_it(client):
    assert client.get("/docs/report").headers["Location"] == "/docs/report/"


def test_site_is_built_once_for_its_sources(site):
    before = site.stat().st_ino
    documentation.built_site.cache_clear()
    assert documentation.built_site().stat().st_ino == before


def test_broken_link_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nowhere.md)")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ntheme: {name: material, font: false}")
    monkeypatch.setattr(documentation, "CONFIGURATION", tmp_path / "mkdocs.yml")
    with pytest.raises(documentation.NotBuiltError, match=r"nowhere\.md"):
        documentation.build(tmp_path / "out")


@pytest.mark.parametrize("language", sorted(HEADS))
def test_glossary_has_the_terms_of_the_pages(language):
    page = documentation.SOURCE / page_of(language)
    assert page.read_text(encoding="utf-8") == glossary_page(language)
