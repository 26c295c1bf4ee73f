import json

import pytest
from django.core.management import call_command
from django.db import OperationalError

from experiments.services.deployment import doctor as subject
from experiments.services.deployment.doctor import Section, examine
from experiments.services.deployment.findings import ok, warning


def two():
    yield ok("first", "is well")
    yield warning("second", "is odd", "Mend it.")


def silent():
    yield ok("first", "is well")
    raise OperationalError("connection refused\nIs the server running?")


@pytest.fixture
def sections(monkeypatch):
    def use(*checks):
        rows = tuple(Section(f"Part {n}", check, "Start it.") for n, check in enumerate(checks))
        monkeypatch.setattr(subject, "SECTIONS", rows)

    return use


def test_part_that_is_unreachable_hides_no_other(sections):
    sections(silent, two)
    (_, first), (_, second) = examine()
    assert first[-1].text == "connection refused"
    assert [row.severity.name for row in (*first, *second)] == [
        *("OK", "ERROR"),
        *("OK", "WARNING"),
    ]


def test_text_names_finding_and_remedy(sections, capsys):
    sections(two)
    call_command("doctor")
    assert capsys.readouterr().out == (
        "Part 0\n  ok       first: is well\n  warning  second: is odd\n"
        "           -> Mend it.\n0 to mend, 1 to look at, 2 in all.\n"
    )


def test_json_and_exit_status_for_programs(sections, capsys):
    sections(two)
    call_command("doctor", format="json")
    content = json.loads(capsys.readouterr().out)
    assert content["status"] == "warning"
    assert content["sections"]["Part 0"][1]["remedy"] == "Mend it."
    with pytest.raises(SystemExit):
        call_command("doctor", fail_level="warning")
