"""The schema of analyze is that of what it reads and answers."""

import pytest
import yaml

from experiments.api.v1.analyze_schema import COMPARISON, REQUEST, RESPONSE
from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest

ARMS = [{"name": "a", "n": 10_000, "sum": 500}, {"name": "b", "n": 10_000, "sum": 580}]
EARLIER = [{"name": "a", "n": 5_000, "sum": 250}, {"name": "b", "n": 5_000, "sum": 290}]
# Each field with a value that is allowed.
VALUES = {
    "metric": "proportion", "method": "sequential", "alpha": 0.1, "correction": "bh",
    "relative": False, "shares": [0.5, 0.5], "arms": ARMS, "looks": [{"arms": EARLIER}],
    "planned_n": 30_000, "prior": {"mean": 0, "sd": 0.1},
}  # fmt: skip


def test_every_field_of_the_schema_is_read_and_no_other():
    assert REQUEST["properties"].keys() == VALUES.keys()
    assert analyze(VALUES)["comparisons"]
    with pytest.raises(InvalidRequest) as caught:
        analyze(VALUES | {"extra": 1})
    known = caught.value.message.removeprefix("is unknown; known are ").split(", ")
    assert set(known) == REQUEST["properties"].keys()


def test_answer_has_the_fields_of_the_schema():
    answer = analyze(VALUES)
    assert answer.keys() == RESPONSE["properties"].keys()
    (row,) = answer["comparisons"]
    assert row.keys() == COMPARISON["properties"].keys()
    assert row["proven"] is None or row["proven"].keys() == (
        COMPARISON["properties"]["proven"]["properties"].keys()
    )


def test_published_schema_describes_looks(client, db):
    document = yaml.safe_load(client.get("/api/schema/").content)
    operation = document["paths"]["/api/v1/analyze"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["looks"]["items"]["required"] == ["arms"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert "proven" in answer["properties"]["comparisons"]["items"]["properties"]
