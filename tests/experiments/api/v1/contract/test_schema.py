import pytest
import yaml

from experiments.api.v1.contract.schema import one_spelling_each

pytestmark = pytest.mark.django_db


def test_address_with_one_more_slash_is_left_out():
    endpoints = [("/a", "get"), ("/a/", "get"), ("/b/", "get"), ("/", "get")]
    assert one_spelling_each(endpoints) == [("/a", "get"), ("/b/", "get"), ("/", "get")]


def test_schema_has_each_operation_once(client):
    document = yaml.safe_load(client.get("/api/schema/").content)
    names = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert "/api/v1/analyze" in document["paths"]
    assert "/api/v1/analyze/" not in document["paths"]
    assert "/api/v1/experiments/" in document["paths"]
