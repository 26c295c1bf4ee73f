import pytest

from ml.training.options import Choices


@pytest.mark.parametrize("trust", [-0.01, 1.01, float("nan")])
def test_trust_outside_its_range_is_refused(trust):
    with pytest.raises(ValueError, match=r"suspect_trust: .* is not from 0 to 1"):
        Choices(suspect_trust=trust)


@pytest.mark.parametrize("trust", [0.0, 1.0])
def test_trust_may_be_none_or_full(trust):
    assert Choices(suspect_trust=trust).suspect_trust == trust
