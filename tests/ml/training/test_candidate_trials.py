from ml.training.candidate_trials import count_repeats


def test_small_histories_are_split_several_times():
    assert (count_repeats(399), count_repeats(400)) == (5, 1)
