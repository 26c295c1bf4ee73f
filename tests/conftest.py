import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils import translation
from hypothesis import settings

# A shared machine has slow moments; a deadline would make them test failures.
# In CI every run tries the same examples, so that a red run can be repeated; at home new ones.
settings.register_profile("ctaopt", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ctaopt")


@pytest.fixture(scope="session")
def shared_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of shared data beside the project; mark such a test `needs_shared`."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not at {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled_catalogues(pytestconfig: pytest.Config) -> None:
    """The messages that pages look up, also when pytest is run without `make`."""
    for source in pytestconfig.rootpath.glob("locale/*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _compile_messages(source, target)


@pytest.fixture(autouse=True)
def language_of_the_thread() -> Iterator[None]:
    """English at first; a request in another language leaves that one active behind it."""
    with translation.override("en"):
        yield


def _compile_messages(source: Path, target: Path) -> None:
    # Written aside and moved: several workers may do this at once.
    draft = target.with_suffix(f".{os.getpid()}.mo")
    with source.open("rb") as messages, draft.open("wb") as compiled:
        write_mo(compiled, read_po(messages))
    draft.replace(target)


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
