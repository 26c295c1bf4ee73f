import base64
import gzip
import hashlib
import json
import subprocess
from pathlib import Path

import brotli
import pytest

from tests.missing import node

SDK = Path(__file__).parents[2] / "sdk"
SNIPPET = SDK / "dist" / "cta.js"
VERSION = json.loads((SDK / "package.json").read_text())["version"]
SECOND = SDK / "dist" / f"cta-more-{VERSION}.js"
FILES = [SNIPPET, SDK / "dist" / f"cta-{VERSION}.js", SECOND]


def sizes(path: Path) -> tuple[int, int]:
    """Return the bytes after gzip and after brotli, each at its best."""
    content = path.read_bytes()
    return (
        len(gzip.compress(content, compresslevel=9, mtime=0)),
        len(brotli.compress(content, quality=11)),
    )


def test_snippet_is_at_most_4500_bytes_by_gzip_and_4000_by_brotli():
    by_gzip, by_brotli = sizes(SNIPPET)
    assert by_gzip <= 4_500
    assert by_brotli <= 4_000


def test_second_file_is_smaller_than_the_first():
    by_gzip, by_brotli = sizes(SECOND)
    assert by_gzip <= 4_000
    assert by_brotli <= 3_600


def test_pages_tell_the_sizes_that_they_have():
    root = SDK.parent
    first, second = sizes(SNIPPET), sizes(SECOND)
    words = (
        f"The snippet is {first[0] / 1000:.1f} kB compressed, and {second[0] / 1000:.1f} kB "
        "that come after it"
    )
    assert words in " ".join((root / "README.md").read_text().split())
    embedding = " ".join((root / "docs" / "embedding.md").read_text().split())
    for by_gzip, by_brotli in (first, second):
        assert f"{by_gzip:,} bytes by `gzip -9` and {by_brotli:,} by brotli" in embedding


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.replace(VERSION, "VERSION"))
def test_integrity_value_is_that_of_the_file(path):
    digest = base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
    assert path.with_name(f"{path.name}.sri").read_text() == f"sha384-{digest}\n"


@pytest.mark.parametrize("path", [SNIPPET, SECOND], ids=["first", "second"])
def test_snippet_uses_nothing_that_a_strict_policy_forbids(path):
    source = path.read_text()
    forbidden = ["eval(", "new Function", "innerHTML", "insertAdjacentHTML", "cssText", "http:"]
    assert [text for text in forbidden if text in source] == []


def test_lock_file_names_no_download_address():
    assert "://" not in (SDK / "package-lock.json").read_text().replace(
        "https://opencollective", ""
    )


def test_committed_snippet_is_what_its_source_gives():
    check = subprocess.run(
        [node(SDK), "build.mjs", "--check"], cwd=SDK, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")
