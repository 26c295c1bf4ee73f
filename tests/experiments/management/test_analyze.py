import io
import json
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from scipy.stats import chi2_contingency

REQUEST = {
    "metric": "proportion",
    "method": "fixed",
    "arms": [{"name": "control", "n": 10_000, "sum": 500}, {"name": "b", "n": 10_000, "sum": 580}],
}


def run(text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    output = io.StringIO()
    call_command("analyze", stdout=output)
    return json.loads(output.getvalue())


def test_analyze_answers_in_json(monkeypatch):
    row = run(json.dumps(REQUEST), monkeypatch)["comparisons"][0]
    table = [[500, 580], [9_500, 9_420]]
    expected = chi2_contingency(table, correction=False).pvalue
    assert row["p_value"] == pytest.approx(expected, rel=1e-9)
    assert row["lift"] == pytest.approx(0.16)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "request: is not JSON"),
        ('{"metric": "proportion", "arms": [{"name": "a", "n": NaN, "sum": 1}]}', "NaN"),
        (json.dumps(REQUEST | {"alpha": 2}), "^alpha: "),
        (json.dumps(REQUEST | {"colour": "red"}), "^colour: "),
        (json.dumps(REQUEST | {"arms": REQUEST["arms"][:1]}), "^arms: "),
        ("[1]", "request"),
        ("[" * 100_000, "request: is not JSON"),
    ],
    ids=["half a file", "NaN", "alpha", "unknown field", "one arm", "a list", "deep"],
)
def test_analyze_names_the_field_at_fault(text, message, monkeypatch):
    with pytest.raises(CommandError, match=message) as caught:
        run(text, monkeypatch)
    assert caught.value.returncode == 2


def test_analyze_prints_nothing_but_the_fault(pytestconfig):
    done = subprocess.run(  # the real command line: streams and exit status
        [sys.executable, "manage.py", "analyze"],
        input=b'{"metric": "love"}',
        capture_output=True,
        cwd=pytestconfig.rootpath,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"metric" in done.stderr
