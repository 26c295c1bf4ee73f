import pytest
from django.urls import reverse


def page(client, name, **values):
    response = client.get(reverse(f"calculator-{name}"), values)
    assert response.status_code == 200
    return response.content.decode()


SIGNIFICANCE = {
    "arms": "A 10000 500\nB 10000 580",
    "method": "fixed",
    "correction": "holm",
    "alpha": "0.05",
}


@pytest.mark.parametrize("name", ["significance", "sample-size", "traffic-split"])
def test_calculator_opens_empty(admin_client, name):
    assert "Calculate" in page(admin_client, name)


@pytest.mark.parametrize("name", ["significance", "sample-size", "traffic-split"])
def test_calculator_is_for_staff(client, stranger, name):
    client.force_login(stranger)
    assert client.get(reverse(f"calculator-{name}")).status_code == 302


def test_significance_shows_the_engine_s_numbers(admin_client):
    html = page(admin_client, "significance", **SIGNIFICANCE)
    # Welch's t-test: lift +16 %, p 0.0123.
    assert "+16.0%" in html
    assert "0.0123" in html


@pytest.mark.parametrize("method", ["fixed", "sequential", "exact", "bayesian"])
def test_significance_knows_every_method(admin_client, method):
    html = page(admin_client, "significance", **(SIGNIFICANCE | {"method": method}))
    assert "+16" in html or "+15" in html


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("A 100 5", "Write 2 to 20 arms, one per line."),
        (
            "A 100 5\nB many 6",
            "Line 2: “many” is not a number; write a name, then visitors, clicks.",
        ),
        ("A 100 5\nB 100 600", "sum"),
    ],
    ids=["one arm", "no number", "more clicks than visitors"],
)
def test_significance_names_the_fault(admin_client, arms, message):
    assert message in page(admin_client, "significance", **(SIGNIFICANCE | {"arms": arms}))


def test_sample_size_of_a_fixed_plan_is_the_textbook_s(admin_client):
    values = {"base": "5", "lift": "10", "n_arms": "2", "plan": "fixed"}
    html = page(admin_client, "sample-size", **values, alpha="0.05", power="0.8")
    assert "31,231 in each arm" in html


def test_sample_size_names_an_impossible_lift(admin_client):
    values = {"base": "60", "lift": "100", "n_arms": "2", "plan": "fixed"}
    html = page(admin_client, "sample-size", **values, alpha="0.05", power="0.8")
    assert "lift must keep the rate inside" in html


def test_traffic_split_finds_a_mismatch(admin_client):
    html = page(admin_client, "traffic-split", arms="A 5200 50\nB 4800 50")
    # Pearson's chi-squared of 5,200 and 4,800: 16 on 1 degree of freedom.
    assert "6.3e-05" in html
    assert "Mismatch" in html


def test_traffic_split_finds_none(admin_client):
    html = page(admin_client, "traffic-split", arms="A 5000 1\nB 5200 1")
    assert "0.0477" in html
    assert "No sign of a mismatch." in html


@pytest.mark.parametrize("arms", ["A 5000 0\nB 5200 0", "A -5 1\nB 5 1", "A 1.5 1\nB 5 1"])
def test_traffic_split_names_the_fault(admin_client, arms):
    assert "errorlist" in page(admin_client, "traffic-split", arms=arms)


SIZE = {"base": 5, "lift": 10, "n_arms": 2, "plan": "fixed", "alpha": 0.05, "power": 0.8}


def test_sample_size_counts_guardrails(admin_client):
    rail = {"guardrails": 1, "guardrail_base": 3, "margin": 2}
    html = page(admin_client, "sample-size", **SIZE, **rail)
    # 2 z^2 0.97 / 0.03 / 0.02^2 (1 + 0.98^2) with z = 1.6449 + 1.2816.
    assert "2,714,152 visitors until a larger loss is excluded" in html
    assert "exclude a loss of more than" in html
    assert "until a larger loss" not in page(admin_client, "sample-size", **SIZE)


def test_guardrails_need_their_rate(admin_client):
    assert "Needed for guardrails." in page(admin_client, "sample-size", **SIZE, guardrails=2)


@pytest.mark.parametrize(
    ("arms", "p_value"),
    [
        # Welch's t-test by scipy.
        ("A 100,000 5,000\nB 100,000 6,000", "1.0e-22"),
        ("A\t12 800\t500\nB\t12 900\t580", "0.0184"),
        ("A;12\u202f800;500\nB;12\u202f900;580", "0.0184"),
    ],
)
def test_significance_reads_thousands_and_shows_what_it_read(admin_client, arms, p_value):
    html = page(admin_client, "significance", **(SIGNIFICANCE | {"arms": arms}))
    assert p_value in html
    assert "Understood as" in html
    assert "100,000" in html or "12,800" in html


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("A 12 800 500\nB 12 900 580", "Line 1 can be read in several ways: A | 12 800 | 500;"),
        ("A 100.000 500\nB 100.000 580", "Line 1: “100.000” may be 100 or 100,000."),
    ],
)
def test_significance_refuses_what_it_would_have_to_guess(admin_client, arms, message):
    html = page(admin_client, "significance", **(SIGNIFICANCE | {"arms": arms}))
    assert message in html
    assert "Understood as" not in html


def test_traffic_split_reads_thousands_and_shows_what_it_read(admin_client):
    html = page(admin_client, "traffic-split", arms="A 10,000 50\nB 11,000 50")
    # Pearson's chi-squared of 10,000 and 11,000: 47.6 on 1 degree of freedom.
    assert "5.2e-12" in html
    assert "10,000" in html
    assert "50.0%" in html
