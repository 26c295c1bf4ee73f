import base64
import gzip
import hashlib
import subprocess
from pathlib import Path

from tests.missing import node

SDK = Path(__file__).parents[2] / "sdk"
SNIPPET = SDK / "dist" / "cta.js"


def test_snippet_is_at_most_4500_bytes_compressed():
    assert len(gzip.compress(SNIPPET.read_bytes(), compresslevel=9, mtime=0)) <= 4_500


def test_pages_tell_the_size_that_it_has():
    size = len(gzip.compress(SNIPPET.read_bytes(), compresslevel=9, mtime=0))
    root = SDK.parent
    assert f"The snippet is {size / 1000:.1f} kB compressed." in (root / "README.md").read_text()
    assert f"{size:,} bytes after `gzip -9`" in (root / "docs" / "embedding.md").read_text()


def test_integrity_value_is_that_of_the_snippet():
    digest = base64.b64encode(hashlib.sha384(SNIPPET.read_bytes()).digest()).decode()
    assert (SDK / "dist" / "cta.js.sri").read_text() == f"sha384-{digest}\n"


def test_snippet_uses_nothing_that_a_strict_policy_forbids():
    source = SNIPPET.read_text()
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
