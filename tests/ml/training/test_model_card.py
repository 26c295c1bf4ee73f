from ml.training.model_card import model_card

COURSE = {
    "seed": 0,
    "planned": 212,
    "taken": 160,
    "kept": 106,
    "watched": 172,
    "withheld": True,
    "loss_before": 0.8857,
    "loss": 0.8706,
}


def card(manifest, *traces):
    return model_card(manifest | {"tuning": list(traces)}, served="fine_tuned")


def test_card_tells_when_a_network_stopped_and_what_it_gained(stored_predictor):
    text = card(stored_predictor[1].manifest, COURSE)
    assert "Network 1: 160 of 212 steps, the weights after 106 are kept." in text
    assert (
        "172 tests that it was not taught the probe left 88.6% unexplained, it leaves 87.1%" in text
    )


def test_card_says_where_nothing_was_watched(stored_predictor):
    unwatched = COURSE | {
        "watched": 0,
        "withheld": False,
        "kept": 160,
        "loss": None,
        "loss_before": None,
    }
    assert "no tests watched it" in card(stored_predictor[1].manifest, unwatched)


def test_card_of_what_is_not_tuned_is_silent_about_it(stored_predictor):
    assert "## Fine-tuning" not in card(stored_predictor[1].manifest)
