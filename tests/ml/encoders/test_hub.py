import shutil
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from ml.encoders import hub
from ml.encoders.installation import KEPT, install, plan_installation
from ml.encoders.installed import list_installed
from ml.errors import EncoderError
from ml.files import file_sha256
from ml.progress import no_progress
from tests.ml.conftest import TINY_ENCODER


@pytest.fixture
def repository(monkeypatch):
    """A hub with one model, the tiny encoder; its files can be changed."""
    files = {
        path.relative_to(TINY_ENCODER).as_posix(): path
        for path in TINY_ENCODER.rglob("*")
        if path.is_file()
    }
    stated = {name: file_sha256(path) for name, path in files.items()}

    def model_info(_self, name, *, revision, files_metadata):
        assert files_metadata
        siblings = [
            SimpleNamespace(
                rfilename=each,
                size=path.stat().st_size,
                lfs=SimpleNamespace(sha256=stated[each]) if each.endswith("tensors") else None,
            )
            for each, path in files.items()
        ]
        siblings.append(SimpleNamespace(rfilename="pytorch_model.bin", size=9, lfs=None))
        card = SimpleNamespace(license="mit", language=["en", "fr"])
        return SimpleNamespace(sha=revision or "c0ffee", card_data=card, siblings=siblings)

    def download(name, file, *, revision, local_dir):
        assert revision == "c0ffee"
        (local_dir / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(files[file], local_dir / file)

    monkeypatch.setattr(hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    return stated


def test_model_of_the_hub_is_shown_then_fetched(repository, tmp_path):
    plan = plan_installation("owner/tiny")
    assert (plan.about.licence, plan.about.languages) == ("mit", ("en", "fr"))
    assert plan.download_size == plan.about.size > 1_000
    about = install(plan, tmp_path, progress=no_progress)
    assert (about.key, about.source) == ("owner--tiny", "hub owner/tiny c0ffee")
    assert list_installed(tmp_path) == [about]


def test_other_content_than_stated_leaves_nothing(repository, tmp_path):
    repository["model.safetensors"] = "0" * 64
    with pytest.raises(EncoderError, match=r"model\.safetensors has another checksum than stated"):
        install(plan_installation("owner/tiny"), tmp_path, progress=no_progress)
    assert not list_installed(tmp_path)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OfflineModeIsEnabled("off"), "the hub is turned off here"),
        (OSError("Name or service not known\nmore"), r"cannot be reached \(Name or service not"),
        (OSError(""), r"cannot be reached \(OSError\)"),
    ],
)
def test_hub_out_of_reach_is_one_sentence(monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(hub.HfApi, "model_info", fail)
    with pytest.raises(EncoderError, match=said):
        plan_installation("owner/tiny")


def test_line_that_breaks_leaves_nothing(repository, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("connection reset")

    monkeypatch.setattr(hub, "hf_hub_download", fail)
    with pytest.raises(EncoderError, match="connection reset"):
        install(plan_installation("owner/tiny"), tmp_path, progress=no_progress)
    assert not list_installed(tmp_path)


def test_repository_without_safetensors_is_refused(repository, monkeypatch):
    info = SimpleNamespace(sha="1", card_data=None, siblings=[])
    monkeypatch.setattr(hub.HfApi, "model_info", lambda *_, **__: info)
    with pytest.raises(EncoderError, match="the hub has no safetensors weights of it"):
        hub.describe("owner/tiny", KEPT)
