"""Preview links to one arm: signed, for one site, valid for a week, never counted."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core import signing

from experiments.models import Variant
from experiments.selectors import serving
from experiments.services.catalogue.cta_content import cta_values
from experiments.services.serving.database_waits import may_wait

# Query parameter of a page's address, and attribute of a context.
# In links that people have; never rename.
PARAMETER = "ctaopt_preview"
ATTRIBUTE = "preview"
MAX_AGE_S = 7 * 86_400
# Keys of variants never begin so; events with such a variant are refused.
VARIANT_PREFIX = "preview:"
# In links that people have; never rename.
SALT = "ctaopt.preview"
# Reasons to refuse a link.
EXPIRED = "expired"
INVALID = "invalid"
UNAVAILABLE = "unavailable"
# Our tokens have some 70 characters.
MAX_LENGTH = 300


class RefusedPreviewError(Exception):
    """The link is `expired`, or `invalid`: forged, of another site, or of an arm that is gone.

    `unavailable`: the database cannot be asked what it opens.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Target of a preview link: an arm on its slot."""

    slot: str
    variant_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedArm:
    """The arm as clients get it; no arm has the key `variant`, so events cannot name it."""

    experiment: str
    variant: str
    values: dict[str, dict[str, object]]


def preview_token(variant: Variant) -> str:
    """Return a token that opens this arm for a week, on its own site only."""
    slot = variant.experiment.slot
    return signing.dumps([slot.site_id, slot.key, variant.pk], salt=SALT)


def preview_link(page: str, token: str) -> str:
    """Return the address of a page with the token in it.

    >>> preview_link("https://shop.example/pricing?a=1#top", "T")
    'https://shop.example/pricing?a=1&ctaopt_preview=T#top'
    """
    parts = urlsplit(page)
    query = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != PARAMETER
    ]
    return urlunsplit(parts._replace(query=urlencode([*query, (PARAMETER, token)])))


def preview_of(token: str, *, site_id: int) -> Preview:
    """Return the target of a token, without a query.

    Raises:
        RefusedPreviewError: With the reason.
    """
    if len(token) > MAX_LENGTH:
        raise RefusedPreviewError(INVALID)
    try:
        its_site, slot, variant_id = signing.loads(token, salt=SALT, max_age=MAX_AGE_S)
    except signing.SignatureExpired as error:
        raise RefusedPreviewError(EXPIRED) from error
    except signing.BadSignature as error:
        raise RefusedPreviewError(INVALID) from error
    if its_site != site_id:
        raise RefusedPreviewError(INVALID)
    return Preview(slot=slot, variant_id=variant_id)


def previewed_arm(preview: Preview) -> PreviewedArm:
    """Return the arm, even of a draft, in two queries.

    Raises:
        RefusedPreviewError: If the arm is gone, or the database cannot be waited for.
    """
    if not may_wait():
        raise RefusedPreviewError(UNAVAILABLE)
    variant = serving.variant_to_preview(variant_id=preview.variant_id)
    if variant is None:
        raise RefusedPreviewError(INVALID)
    return PreviewedArm(
        experiment=variant.experiment.key,
        variant=VARIANT_PREFIX + variant.key,
        values=cta_values(variant.cta),
    )
