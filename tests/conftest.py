import os
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine has slow moments; a deadline would make them test failures.
settings.register_profile("ctaopt", deadline=None)
settings.load_profile("ctaopt")


@pytest.fixture(scope="session")
def shared_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of shared data beside the project; mark such a test `needs_shared`."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not at {folder}")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _without_skips(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _without_skips(collector.config, (yield))


def _without_skips(config, report):
    """In CI everything a test needs is there: one that skips itself is one that did not run."""
    is_ci = os.environ.get("CI", "").lower() in {"true", "1"}
    if is_ci and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report
