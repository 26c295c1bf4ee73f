"""The lines for Python in docs/api.md, as they stand there, against the API."""

import re

import pytest
import requests
from django.test import Client
from requests.adapters import BaseAdapter

from experiments.models import Experiment
from tests import factories
from tests.factories import NOW

LINES = re.compile(r"## From Python\n.*?```python\n(.*?)```", re.DOTALL)


class InProcess(BaseAdapter):
    """Answers of the service without a server between."""

    def send(self, request, **_):
        headers = {
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in request.headers.items()
            if name != "Accept-Encoding"  # Only a transport unpacks.
        }
        body = request.body or b""
        answer = Client().generic(
            request.method,
            request.path_url,
            body if isinstance(body, bytes) else body.encode(),
            content_type=request.headers.get("Content-Type", ""),
            **headers,
        )
        found = requests.Response()
        found.status_code, found._content, found.request = (
            answer.status_code,
            answer.content,
            request,
        )
        return found

    def close(self):
        pass


@pytest.fixture
def walked(slot):
    """The experiment of the walk through the API, ended with visitors."""
    experiment = factories.make_running_experiment(
        slot,
        "buy-now",
        name="Buy, or buy now?",
        shares={"control": "0.5", "now": "0.5"},
        primary_metric="conversion_rate",
        goal="order",
    )
    for arm, clicks in enumerate((60, 90)):
        variant = experiment.variants.get(arm=arm)
        factories.make_rollup(variant, visitors=1_000, clicks=clicks, converting_visitors=clicks)
    Experiment.objects.filter(pk=experiment.pk).update(status="stopped", stopped_at=NOW)
    factories.make_server_key(slot.site, "demo-server-key", scopes=["read", "write"])
    return experiment


def test_lines_of_the_page_read_results_and_make_a_draft(walked, pytestconfig, monkeypatch, capsys):
    class Session(requests.Session):
        def __init__(self):
            super().__init__()
            self.mount("http://", InProcess())

    monkeypatch.setattr(requests, "Session", Session)
    monkeypatch.delenv("CTAOPT_URL", raising=False)
    monkeypatch.delenv("CTAOPT_KEY", raising=False)
    (lines,) = LINES.findall((pytestconfig.rootpath / "docs" / "api.md").read_text())
    exec(compile(lines, "docs/api.md", "exec"), {})  # noqa: S102  # Our own page.
    said = capsys.readouterr().out.splitlines()
    assert "buy-now stopped" in said
    assert "control buy-now control 1000" in said
    # 9 % against 6 %: half as many again, but for rounding.
    (lift,) = (float(line.split()[1]) for line in said if re.match(r"now 0\.\d+ ", line))
    assert lift == pytest.approx(0.5)
    assert "conversion_rate:order [1000, 1000]" in said
    assert "Buy, or buy now? (copy) draft" in said
    assert said[-1].startswith("409: ")
    assert Experiment.objects.filter(status="draft").count() == 1
