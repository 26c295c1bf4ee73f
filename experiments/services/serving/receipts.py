"""Exposure receipts: proof that the service gave this arm to this visitor.

A receipt is a short keyed hash of site, experiment, arm, phase and visitor. An answer has one where
the visitor's hash does not explain the arm (another id or a stored answer gave it), and always if
the site asks for receipts. An exposure or click brings it back.
"""

import hashlib
from base64 import urlsafe_b64encode
from functools import lru_cache
from hmac import compare_digest

from django.conf import settings
from django.utils.crypto import salted_hmac

# 96 bits: nobody guesses one in the life of an experiment, and 16 characters hold it.
DIGEST_BYTES = 12
# In answers that pages have; never rename.
SALT = "experiments.receipts"


def receipt_of(
    *,
    site_id: int,
    experiment_id: int,
    arm: int,
    phase: int,
    visitor: str,
    secret: str | bytes = "",
) -> str:
    """Return the receipt of an answer, 16 characters; `secret` is the present one if empty."""
    content = f"{site_id}:{experiment_id}:{arm}:{phase}:{visitor}".encode("utf-8", "surrogatepass")
    key = _key(secret or settings.SECRET_KEY)
    digest = hashlib.blake2b(content, digest_size=DIGEST_BYTES, key=key).digest()
    return urlsafe_b64encode(digest).decode()


def is_receipt_of(
    receipt: str, *, site_id: int, experiment_id: int, arm: int, phase: int, visitor: str
) -> bool:
    """Return whether a receipt belongs to this answer; secrets before a rotation count, too."""
    return any(
        compare_digest(
            receipt.encode("utf-8", "surrogatepass"),
            receipt_of(
                site_id=site_id,
                experiment_id=experiment_id,
                arm=arm,
                phase=phase,
                visitor=visitor,
                secret=secret,
            ).encode(),
        )
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


@lru_cache(maxsize=8)
def _key(secret: str | bytes) -> bytes:
    return salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest()
