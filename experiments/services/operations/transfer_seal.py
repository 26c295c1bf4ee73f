"""Seal of an exported site: digests of its files, signed with the installation's secret.

The manifest of the events holds the digests of the days, so that the seal covers every file.
"""

import hashlib
import hmac
import json
from pathlib import Path

from experiments.services.catalogue.keyed_digests import is_keyed_digest, keyed_digest

# Stored; never rename.
SEAL = "_seal.json"
FORMAT = "ctaopt-seal-1"
SEALED = ("_catalogue.jsonl", "_manifest.json", "_secret.json")
# Part of what is signed; never change it.
SALT = "ctaopt.site-transfer"
# Hexadecimal digits of a fingerprint: 128 bits.
DIGITS = 32
MAX_SEAL_BYTES = 10_000


class SealError(Exception):
    """The folder is not what an export wrote, or nobody has confirmed where it comes from."""


def seal_folder(folder: Path) -> str:
    """Write the seal of a finished export; return its fingerprint, for people to compare."""
    found = folder_fingerprint(folder)
    content = {"format": FORMAT, "fingerprint": found, "signature": keyed_digest(SALT, found)}
    draft = folder / f"{SEAL}.draft"
    draft.write_text(json.dumps(content, indent=2), encoding="utf-8")
    draft.replace(folder / SEAL)
    return found


def check_seal(folder: Path, *, confirmed: str = "") -> None:
    """Raise SealError unless this installation wrote the folder, or its fingerprint is confirmed.

    Args:
        folder: Folder of an export. Without a seal only the fingerprint opens it.
        confirmed: The fingerprint that the export showed; empty: none was named.
    """
    found = folder_fingerprint(folder)
    seal = _read_seal(folder)
    if seal and seal.get("fingerprint") != found:
        raise SealError(f"{folder}: its files were changed after the export")
    if confirmed:
        if not hmac.compare_digest(confirmed.encode(), found.encode()):
            raise SealError(f"{folder}: has the fingerprint {found}, not {confirmed}")
        return
    signature = str(seal.get("signature", "")) if seal else ""
    if not is_keyed_digest(signature, salt=SALT, value=found):
        raise SealError(
            f"{folder}: this installation did not write it. If export_site showed the fingerprint "
            f"{found} where it was written, run it again with --fingerprint {found}"
        )


def folder_fingerprint(folder: Path) -> str:
    """Return the digest of the digests of an export's files."""
    whole = hashlib.sha256()
    for name in SEALED:
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name}:{digest}\n".encode())
    return whole.hexdigest()[:DIGITS]


def _read_seal(folder: Path) -> dict[str, object] | None:
    """Return the content of the seal; None if there is none."""
    path = folder / SEAL
    try:
        if not path.exists():
            return None
        if path.stat().st_size > MAX_SEAL_BYTES:
            raise SealError(f"{path}: is too large for a seal")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SealError(f"{path}: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SealError(f"{path}: is not of the format {FORMAT!r}")
    return content
