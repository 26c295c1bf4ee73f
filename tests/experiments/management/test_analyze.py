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


def of_table(*options):
    output = io.StringIO()
    call_command("analyze", *options, stdout=output)
    return json.loads(output.getvalue())


@pytest.fixture
def days(tmp_path):
    """A row a day and arm, as a French spreadsheet writes it."""
    path = tmp_path / "jours.csv"
    rows = ["20/11/2026;A;6 000;300", "20/11/2026;B;6 000;340"]
    rows += ["21/11/2026;A;4 000;200", "21/11/2026;B;4 000;240"]
    path.write_text("\n".join(["Jour;Bras;Visiteurs;Clics", *rows]), "cp1252")
    return path


def test_table_is_analysed_as_the_request_of_its_sums(days, monkeypatch):
    answer = of_table(f"--table={days}", "--method=fixed")
    (metric,) = answer["metrics"]
    arms = [{**REQUEST["arms"][0], "name": "A"}, {**REQUEST["arms"][1], "name": "B"}]
    assert metric["result"] == run(json.dumps(REQUEST | {"arms": arms}), monkeypatch)
    assert answer["read_as"]["columns"] == {
        "arm": "Bras",
        "visitors": "Visiteurs",
        "visitor": None,
        "day": "Jour",
        "metrics": ["Clics"],
    }


def test_named_columns_and_control_are_used(days):
    answer = of_table(f"--table={days}", "--control=B", "--day=", "--metric=Clics")
    (metric,) = answer["metrics"]
    assert [arm["name"] for arm in metric["arms"]] == ["B", "A"]
    assert metric["looks"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--arm=Couleur"], "there is no column 'Couleur'"),
        (["--control=C"], "no arm is called 'C'"),
        (["--alpha=7"], "alpha: must lie between"),
        (["--encoding=klingon"], "unknown encoding"),
    ],
)
def test_faults_of_a_table_are_named(days, options, message):
    with pytest.raises(CommandError, match=message) as refusal:
        of_table(f"--table={days}", *options)
    assert refusal.value.returncode == 2


def test_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CommandError, match="No such file or directory"):
        of_table(f"--table={tmp_path / 'none.csv'}")
