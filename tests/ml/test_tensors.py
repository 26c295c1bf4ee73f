from ml.tensors import below


def test_values_below_a_prefix_lose_it_once():
    named = {"a.a.x": 1, "a.y": 2, "b.a.z": 3, "a": 4}
    assert below("a.", named) == {"a.x": 1, "y": 2}
    assert below("", named) == named
    assert below("c.", named) == {}
