import pytest
from scipy.stats import chi2_contingency

URL = "/api/v1/analyze"
REQUEST = {
    "metric": "proportion",
    "method": "fixed",
    "arms": [{"name": "control", "n": 10_000, "sum": 500}, {"name": "b", "n": 10_000, "sum": 580}],
}


def post(client, content, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(URL, content, content_type="application/json", headers=headers)


def test_analyze_answers_like_the_command(client, server_key):
    response = post(client, REQUEST, server_key)
    assert response.status_code == 200
    row = response.json()["comparisons"][0]
    table = [[500, 580], [9_500, 9_420]]
    expected = chi2_contingency(table, correction=False).pvalue
    assert row["p_value"] == pytest.approx(expected, rel=1e-9)


def test_analyze_names_the_field_at_fault(client, server_key):
    response = post(client, REQUEST | {"alpha": "much"}, server_key)
    assert response.status_code == 400
    assert response.json()["field"] == "alpha"


@pytest.mark.parametrize("body", ["{", '{"alpha": NaN}', "[]"], ids=["half", "NaN", "a list"])
def test_analyze_refuses_what_is_no_request(client, server_key, body):
    assert post(client, body, server_key).status_code == 400


def test_analyze_needs_a_key(client, db):
    assert post(client, REQUEST).status_code == 401


def test_analyze_reads_earlier_looks(client, server_key):
    earlier = [{"name": "control", "n": 9_000, "sum": 450}, {"name": "b", "n": 9_000, "sum": 575}]
    request = REQUEST | {"method": "sequential", "planned_n": 30_000, "looks": [{"arms": earlier}]}
    row = post(client, request, server_key).json()["comparisons"][0]
    assert (row["proven"]["look"], row["proven"]["visitors"]) == (1, 18_000)
    refused = post(client, request | {"looks": [{"arms": earlier[:1]}]}, server_key)
    assert refused.status_code == 400
    assert refused.json()["field"] == "looks[0].arms"
