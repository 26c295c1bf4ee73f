"""A forgotten collectstatic, as an operator meets it."""

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import storages

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
