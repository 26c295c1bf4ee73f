"""Pictures in the cache, by the hash of what is drawn: each is drawn once for all processes."""

from collections.abc import Iterable
from typing import Any, cast

from django.core.cache import cache

from experiments.services.documents.drawn.picture import Picture
from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.rendering import draw_svg

KEPT_S = 30 * 24 * 3_600


def keep_pictures(pictures: Iterable[Picture]) -> None:
    """Keep what a page shows, so that a picture of it can be drawn without its report."""
    by_key = {_key(picture.digest): picture for picture in pictures}
    known = cache.get_many(by_key)
    for key in by_key.keys() - known.keys():
        cache.set(key, by_key[key].as_json(), KEPT_S)


def kept_svg(digest: str, *, look: str, language: str) -> str | None:
    """Return the picture with this hash as SVG; None if it is not kept (any more).

    Args:
        digest: Hash of the picture.
        look: Name of its width and ground, a key of `LOOKS`.
        language: Language of its numbers and months.
    """
    drawn_key = f"{_key(digest)}:{look}:{language}"
    svg = cast(str | None, cache.get(drawn_key))
    if svg is not None:
        return svg
    data = cast(dict[str, Any] | None, cache.get(_key(digest)))
    if data is None:
        return None
    svg = draw_svg(
        data["kind"], data["rows"], look=LOOKS[look], language=language, options=data["options"]
    )
    cache.set(drawn_key, svg, KEPT_S)
    return svg


def svg_of(picture: Picture, *, look: str, language: str) -> str:
    """Return a picture as SVG, from the cache where it was drawn before."""
    keep_pictures([picture])
    svg = kept_svg(picture.digest, look=look, language=language)
    if svg is not None:
        return svg
    # The cache keeps nothing: a cache of tests, or a full one.
    data = picture.as_json()
    return draw_svg(
        data["kind"], data["rows"], look=LOOKS[look], language=language, options=data["options"]
    )


def _key(digest: str) -> str:
    return f"report-picture:{digest}"
