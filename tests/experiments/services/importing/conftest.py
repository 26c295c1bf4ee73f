import pytest

from experiments.models import Upload
from experiments.services.importing.uploads import keep_upload
from tests.factories import NOW


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """A folder of uploads of the test's own."""
    settings.CTAOPT_UPLOAD_DIR = tmp_path / "uploads"
    return settings.CTAOPT_UPLOAD_DIR


@pytest.fixture
def uploaded(site):
    """Keep a text, or bytes, as an upload of the shop."""

    def _uploaded(content, kind="history", name="file.csv", **options):
        content = content.encode() if isinstance(content, str) else content
        upload = Upload(site=site, kind=kind, name=name, options=options, created_at=NOW)
        keep_upload(upload, [content])
        return upload

    return _uploaded
