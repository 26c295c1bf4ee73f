"""Identity of an installation's secret: its digest in the database, followed through rotations.

Two machines on one database with two secrets would each accept what the other has erased, and
refuse the other's links and tokens. The database therefore remembers the secret's digest.
"""

from django.db import transaction
from django.utils import timezone

from experiments.models import SecretDigest
from experiments.services.catalogue.keyed_digests import keyed_digests
from experiments.services.catalogue.site_secrets import encrypt_secrets_anew
from experiments.services.notices.webhook_secrets import encrypt_webhooks_anew

# Stored; never rename: every installation would refuse to start.
SALT = "experiments.installation"
VALUE = "secret"

FOREIGN = (
    "This database belongs to an installation with another SECRET_KEY. Give this machine the "
    "secret of the others (their SECRET_KEY, or the file secret_key of their data folder). To "
    "replace a secret, keep the former one in SECRET_KEY_FALLBACKS. Data of the demo open with "
    "DJANGO_SETTINGS_MODULE=ctaopt.settings.demo only; an installation of your own needs a data "
    "folder of its own (CTAOPT_DATA_DIR)."
)
REPLACED = (
    "This SECRET_KEY was replaced on another machine. Set the new one here, and this one in "
    "SECRET_KEY_FALLBACKS."
)


class SecretMismatchError(Exception):
    """The database was made with another secret; the text names the remedy."""


def confirm_secret() -> bool:
    """Record the digest of the secret, or check it; return True if a rotation was recorded.

    A secret that is new here replaces the recorded one if that is among the fallbacks. A former
    one that accepts the recorded one stays: its machine is the next to be restarted.

    Raises:
        SecretMismatchError: If the recorded secret is neither ours nor among the fallbacks.
    """
    ours, *fallbacks = keyed_digests(SALT, VALUE)
    known = list(SecretDigest.objects.values_list("digest", flat=True))
    recorded = known[-1] if known else None
    if recorded == ours:
        if fallbacks:
            # A machine with a former secret may have made keys of sites in the meantime.
            encrypt_secrets_anew()
            encrypt_webhooks_anew()
        return False
    if recorded is not None and recorded not in fallbacks:
        raise SecretMismatchError(REPLACED if ours in known else FOREIGN)
    if ours in known:
        return False
    # Two processes may start at once: the second finds the row.
    with transaction.atomic():
        _, is_new = SecretDigest.objects.get_or_create(
            digest=ours, defaults={"first_used_at": timezone.now()}
        )
        if is_new:
            encrypt_secrets_anew()
            encrypt_webhooks_anew()
    return is_new and recorded is not None
