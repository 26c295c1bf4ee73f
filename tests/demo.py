"""The demo's data as a fixture; a conftest imports it where it is needed."""

from datetime import UTC, datetime

import pytest

from experiments.models import Site
from experiments.services.operations.demo_data import load_demo


@pytest.fixture
def demo_site(db, tmp_path):
    """The demo's site, as `manage.py demo` loads it."""
    load_demo(work_dir=tmp_path, now=datetime.now(UTC))
    return Site.objects.get(key="demo")
