"""Terms of the glossary: in both languages, set as French is, and behind words of the pages."""

import re

import pytest
from django.template import Context, Template
from django.utils import translation

from experiments.glossary import page_of, terms

TAG = re.compile(r"""{% term "([^"]+)""")


def test_every_term_has_both_languages_and_an_end():
    assert len(terms()) > 50
    for term in terms().values():
        for language in ("en", "fr"):
            assert term.name(language)
            assert term.explanation(language)[-1] in ".?”»"


def test_explanations_are_short_enough_for_a_note():
    assert [term.key for term in terms().values() if len(term.explanation("en")) > 240] == []


def test_french_is_set_as_french_is():
    for term in terms().values():
        assert not re.search(r"[^\u00a0\u202f][:;?!»%]|«[^\u00a0]|\w'\w", term.explanation("fr"))


def test_other_languages_read_english():
    assert terms()["lift"].name("de") == "Lift"
    assert page_of("de") == "glossary.md"


def test_pages_of_the_documentation_exist(pytestconfig):
    for term in terms().values():
        assert not term.page or (pytestconfig.rootpath / "docs" / term.page).is_file()


def test_templates_name_terms_that_exist(pytestconfig):
    named = {
        key
        for path in (pytestconfig.rootpath / "templates").rglob("*.html")
        for key in TAG.findall(path.read_text())
    }
    assert len(named) > 20
    assert named - set(terms()) == set()


def rendered(source, language="en"):
    with translation.override(language):
        return Template("{% load glossary %}" + source).render(Context())


def test_term_is_a_button_with_its_explanation():
    html = rendered('{% term "lift" "Lift, adjusted" %}')
    assert re.search(
        r'<button [^>]*popovertarget="term-lift-1"\s[^>]*>Lift, adjusted</button>', html
    )
    assert 'id="term-lift-1"' in html
    assert terms()["lift"].explanation("en") in html
    assert 'href="/docs/glossary/#lift"' in html


def test_term_speaks_french_and_leads_to_the_french_page():
    html = rendered('{% term "slot" %}', "fr")
    assert ">Emplacement</button>" in html
    assert 'href="/docs/glossaire/#slot"' in html


def test_each_note_of_a_page_has_an_id_of_its_own():
    html = rendered('{% term "lift" %}{% term "lift" %}')
    assert sorted(re.findall(r' id="([^"]+)" class', html)) == ["term-lift-1", "term-lift-2"]


def test_unknown_term_is_an_error():
    with pytest.raises(KeyError):
        rendered('{% term "nothing" %}')
