from dataclasses import FrozenInstanceError

import pytest

from experiments.stats.decision.grounds import Code, Ground


def test_ground_is_a_value_that_needs_only_its_code():
    ground = Ground(code=Code.SRM)
    assert (ground.arm, ground.metric, ground.numbers, ground.day) == (None, None, {}, None)
    assert ground == Ground(code=Code.SRM)
    with pytest.raises(FrozenInstanceError):
        ground.code = Code.PAUSED


def test_codes_are_distinct_words_for_texts():
    assert len({code.value for code in Code}) == len(Code)
    assert all(code.value == code.name.lower() for code in Code)
