import pytest
from django.utils import translation

from experiments.models import Tag
from experiments.selectors.serving import config_revision
from experiments.services.catalogue.cta_copies import copy_cta, name_of_copy
from tests import factories

pytestmark = pytest.mark.on_both_databases


def test_copy_has_the_look_the_wordings_and_the_tags(site):
    words = {"en": "Go", "fr": "Allez"}
    look = {"form": "link", "background_color": "#123456", "size": "large", "icon": "→"}
    cta = factories.make_cta(site, "Go", wordings=words, principles=["clarity"], **look)
    cta.tags.add(Tag.objects.create(site=site, name="spring"))
    copy = copy_cta(cta)
    copy.refresh_from_db()
    assert (copy.pk != cta.pk, copy.name, copy.site) == (True, "Go (copy)", site)
    assert {name: getattr(copy, name) for name in look} == look
    assert (copy.destination, copy.principles) == (cta.destination, ["clarity"])
    assert {row.locale: row.text for row in copy.wordings.all()} == words
    assert [tag.name for tag in copy.tags.all()] == ["spring"]
    assert {row.locale: row.text for row in cta.wordings.all()} == words


def test_copies_are_numbered_and_a_copy_of_a_copy_is_no_copy_of_a_name(site):
    cta = factories.make_cta(site, "Go")
    names = [copy_cta(cta).name for _ in range(2)]
    assert names == ["Go (copy)", "Go (copy 2)"]
    assert copy_cta(site.ctas.get(name="Go (copy 2)")).name == "Go (copy 3)"


def test_copy_is_named_in_the_language_of_the_page(site):
    cta = factories.make_cta(site, "Go")
    with translation.override("fr"):
        assert copy_cta(cta).name == "Go (copie)"
        assert copy_cta(site.ctas.get(name="Go (copie)")).name == "Go (copie 2)"


def test_copy_of_the_longest_name_is_not_longer():
    first = name_of_copy("x" * 200, set())
    assert first.endswith("x (copy)")
    assert len(first) <= 200
    assert len(name_of_copy(first, {first})) <= 200


def test_copy_reaches_the_serving_processes(site):
    cta = factories.make_cta(site, "Go")
    before = config_revision()
    copy_cta(cta)
    assert config_revision() > before
