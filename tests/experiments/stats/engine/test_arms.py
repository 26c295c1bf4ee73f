import pytest

from experiments.stats.engine.arms import arms_of, names_of, sums_of
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.estimation.messages import Message

ARMS = [{"name": "a", "n": 100, "sum": 10}, {"name": "b", "n": 120, "sum": 14}]


def test_arms_have_names_and_sums():
    arms = arms_of({"arms": ARMS})
    assert names_of(arms) == ("a", "b")
    assert sums_of(arms, "proportion").n.tolist() == [100, 120]


@pytest.mark.parametrize("broken", [{"sum": 121}, {"n": -1}])
def test_fault_of_a_look_is_named_by_its_path_alone(broken):
    arms = [ARMS[0], ARMS[1] | broken]
    with pytest.raises(InvalidRequest, match=r"^looks\[3\]\.arms\[1\]\.") as caught:
        sums_of(arms, "proportion", prefix="looks[3].")
    # The sentence for pages tells of no look.
    assert not isinstance(caught.value.text, Message)
    with pytest.raises(InvalidRequest) as caught:
        sums_of(arms, "proportion")
    assert isinstance(caught.value.text, Message)
