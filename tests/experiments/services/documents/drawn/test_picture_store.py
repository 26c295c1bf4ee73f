import pytest
from django.core.cache import cache

from experiments.services.documents.drawn import picture_store
from experiments.services.documents.drawn.picture_store import keep_pictures, kept_svg, svg_of
from tests.experiments.services.documents.drawn.test_picture import make_picture


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


def test_kept_picture_is_drawn_once(monkeypatch):
    picture = make_picture()
    assert kept_svg(picture.digest, look="wide", language="en") is None
    keep_pictures([picture])
    first = kept_svg(picture.digest, look="wide", language="en")
    assert first.startswith("<svg")
    monkeypatch.setattr(picture_store, "draw_svg", None)
    assert kept_svg(picture.digest, look="wide", language="en") == first
    assert svg_of(picture, look="wide", language="en") == first


def test_each_language_and_ground_is_another_picture():
    picture = make_picture()
    drawn = {
        svg_of(picture, look=look, language=language)
        for look in ("wide", "wide-dark")
        for language in ("en", "fr")
    }
    assert len(drawn) >= 2


def test_cache_that_keeps_nothing_still_shows_the_picture(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert svg_of(make_picture(), look="narrow", language="en").startswith("<svg")
