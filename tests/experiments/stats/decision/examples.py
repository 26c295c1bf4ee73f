"""Evidence of made-up experiments: one value each, and Hypothesis strategies."""

from hypothesis import strategies as st

from experiments.stats.decision.evidence import ArmEvidence, Evidence, GuardrailEvidence


def an_arm(arm=1, *, lift=0.1, p_value=0.001, spread=0.05, **changes):
    """Return an arm with enough data; by default a clear winner."""
    given_bounds = {"bounds": (lift - spread, lift + spread)} if lift is not None else {}
    values = {"n": 10_000, "conversions": 600, "lift": lift, "p_value": p_value} | given_bounds
    return ArmEvidence(arm=arm, **(values | changes))


def an_experiment(*arms, **changes):
    """Return a healthy sequential experiment in its third week."""
    values = {"control_n": 10_000, "control_conversions": 500, "days": 15, "planned_days": 28}
    return Evidence(arms=arms or (an_arm(),), **(values | changes))


def a_guardrail(low, high, *, margin=0.02, **changes):
    return GuardrailEvidence(metric="sign-ups", bounds=(low, high), margin=margin, **changes)


rails = st.builds(
    lambda low, width, margin, anytime: a_guardrail(
        low, low + width, margin=margin, anytime=anytime
    ),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.floats(0, 0.5),
    st.booleans(),
)


arms = st.builds(
    lambda lift, p, spread, n, rail: an_arm(
        lift=lift, p_value=p, spread=spread, n=n, conversions=n / 10, guardrails=(rail,)
    ),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 10**12),
    rails,
)
