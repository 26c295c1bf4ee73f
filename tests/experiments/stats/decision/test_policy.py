from experiments.stats.decision.decide import Status, decide
from experiments.stats.decision.policy import Policy
from tests.experiments.stats.decision.examples import an_arm, an_experiment


def test_policy_thresholds_are_used():
    lenient = Policy(srm_alpha=1e-9, minimum_days=0, minimum_conversions=0)
    evidence = an_experiment(an_arm(conversions=1), srm_p_value=1e-6, days=1)
    assert decide(evidence, lenient).status is Status.SHIP
