"""Static files: a forgotten collectstatic, as an operator meets it, and what a second one does."""

import gzip

import brotli
import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import storages
from django.core.management import call_command

from experiments.pages.static_files import SENTENCE, NotCollectedError, Storage


@pytest.fixture
def not_collected(settings, tmp_path):
    options = {
        "BACKEND": "experiments.pages.static_files.Storage",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = settings.STORAGES | {"staticfiles": options}
    settings.STATIC_ROOT = str(tmp_path)
    return tmp_path


def test_page_names_the_remedy(client, db, not_collected):
    answer = client.get("/admin/login/", follow=True)
    assert (answer.status_code, answer.content.decode()) == (503, f"{SENTENCE}\n")


def test_error_names_the_file(not_collected):
    assert isinstance(storages["staticfiles"], Storage)
    with pytest.raises(NotCollectedError, match=r"some\.css: The static files are not collected"):
        staticfiles_storage.url("some.css")


@pytest.mark.slow
def test_second_collection_compresses_what_does_not_hold_its_file(not_collected, monkeypatch):
    done, real = [], brotli.compress
    monkeypatch.setattr(brotli, "compress", lambda content: done.append(content) or real(content))

    def n_compressed():
        done.clear()
        call_command("collectstatic", verbosity=0, interactive=False)
        return len(done)

    all_files, too_small = n_compressed(), n_compressed()
    assert too_small < all_files / 2
    names = {path.name for path in not_collected.rglob("*")}
    packed = {path.relative_to(not_collected) for path in not_collected.rglob("*.br")}
    # Pages have no other names.
    assert {str(path.with_suffix("")) for path in packed} <= set(
        storages["staticfiles"].hashed_files.values()
    )
    cut, other, *_ = sorted(not_collected.rglob("*.js.br"))
    cut.write_bytes(cut.read_bytes()[:-3])
    other.write_bytes(real(b"of another version"))
    assert n_compressed() == too_small + 2
    assert {path.name for path in not_collected.rglob("*")} == names
    for path in (cut, other):
        content = path.with_suffix("").read_bytes()
        assert brotli.decompress(path.read_bytes()) == content
        assert gzip.decompress(path.with_suffix(".gz").read_bytes()) == content
