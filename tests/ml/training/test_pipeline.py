from dataclasses import replace
from datetime import date, timedelta

import pytest

from ml.errors import TooLittleHistoryError
from ml.scoring.artifacts import verify_artifact
from ml.training.options import Choices
from tests.ml.factories import (
    HashEncoder,
    KnowingEncoder,
    StrangeEncoder,
    arm_row,
    learnable_rows,
    train_in,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "p1"
    return train_in(folder, learnable_rows(), encoder=StrangeEncoder()), folder


def test_strategy_that_passed_the_gate_is_stored(trained):
    result, folder = trained
    assert result.served == "tfidf"
    assert verify_artifact(folder) == result.manifest
    assert (folder / "MODEL_CARD.md").read_text().startswith("# Predictor of wordings: TF-IDF")


def test_useless_encoder_is_refused_and_negative_transfer_is_named(trained):
    verdict = trained[0].manifest["gate"]["verdicts"][1]
    assert (verdict["name"], verdict["passed"]) == ("frozen_head", False)
    assert verdict["negative_transfer"] == "detected"


def test_pretraining_that_helps_passes_the_gate(tmp_path):
    rows = learnable_rows(80, own_words=True)
    result = train_in(tmp_path / "p1", rows, encoder=KnowingEncoder())
    assert result.served == "frozen_head"
    assert result.manifest["gate"]["verdicts"][1]["negative_transfer"] == "none"


def test_manifest_records_what_made_the_predictor(trained):
    manifest = trained[0].manifest
    assert (manifest["seed"], manifest["code_commit"]) == (1, "abc")
    assert manifest["created_at"] == "2026-11-22T10:00:00+00:00"
    assert manifest["data"]["groups"] == 60
    assert manifest["configuration"]["encoder"]["name"] == "hash"
    assert set(manifest["metrics"]) == {"no_text", "tfidf", "frozen_head"}


def test_equal_history_and_seed_give_the_same_predictor(trained, tmp_path):
    again = train_in(tmp_path / "p1", learnable_rows(), encoder=StrangeEncoder())
    same = {"tensors.safetensors", "words.json", "past.json", "domain.json"}
    first, second = trained[0].manifest["files"], again.manifest["files"]
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


def test_nothing_is_stored_when_click_rates_are_noise(tmp_path):
    result = train_in(tmp_path / "p1", learnable_rows(gain=0.0), encoder=HashEncoder())
    assert result.served is None
    assert list(tmp_path.iterdir()) == []
    assert result.manifest["gate"]["served"] is None


def test_suspect_tests_never_judge(tmp_path):
    inverted = [
        replace(row, test=f"suspect {row.test}", clicks=row.visitors - row.clicks, suspect=True)
        for row in learnable_rows(40, seed=5)
    ]
    result = train_in(tmp_path / "p1", [*learnable_rows(), *inverted], encoder=HashEncoder())
    data = result.manifest["data"]
    assert (data["groups"], data["suspect_groups"], data["suspect_trust"]) == (60, 40, 0.5)


def test_suspect_tests_train_as_far_as_they_are_trusted(tmp_path):
    # Too few sound tests to learn from; the doubtful ones tell the truth.
    doubtful = [
        replace(row, test=f"suspect {row.test}", text=f"{row.text} again", suspect=True)
        for row in learnable_rows(80, seed=5)
    ]
    rows = [*learnable_rows(24, gain=0.15, seed=9), *doubtful]
    gains = [
        1
        - train_in(
            tmp_path / f"p{trust}",
            rows,
            encoder=StrangeEncoder(),
            choices=Choices(suspect_trust=trust),
        ).manifest["metrics"]["tfidf"]["log_loss"]["value"]
        for trust in (0.0, 1.0)
    ]
    assert gains[1] > gains[0]


def test_progress_rises_to_one_through_every_stage(tmp_path):
    told = []
    train_in(
        tmp_path / "p1",
        learnable_rows(30),
        encoder=HashEncoder(),
        progress=lambda *args: told.append(args),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(dict.fromkeys(stage for _, stage in told)) == [
        "embedding",
        "cross_validation",
        "final_fit",
        "fast_parts",
    ]


def test_what_is_served_first_is_final_unless_a_slower_strategy_wins(tmp_path, monkeypatch):
    monkeypatch.setattr("ml.strategies.candidates.TUNED", frozenset({"frozen_head"}))
    served = []
    parts = train_in(
        tmp_path / "p1",
        learnable_rows(),
        encoder=StrangeEncoder(),
        serve_first=lambda *first: served.append(first),
    )
    whole = train_in(tmp_path / "p2", learnable_rows(), encoder=StrangeEncoder())
    ((first, folder),) = served
    assert (first.served, folder) == ("tfidf", tmp_path / "p1-first")
    assert verify_artifact(folder) == first.manifest
    # In two steps or in one: the same figures, the same verdicts, the same predictor.
    for record in ("metrics", "gate", "calibration"):
        assert parts.manifest[record] == whole.manifest[record]
    assert first.manifest["gate"]["verdicts"] == whole.manifest["gate"]["verdicts"][:1]
    for name in ("tensors.safetensors", "words.json"):
        assert parts.manifest["files"][name] == whole.manifest["files"][name]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "too little history: 0 tests with two wordings"),
        (learnable_rows(1), "too little history: 1 tests"),
        ([row for row in learnable_rows(60) if "plain" in row.text], "0 tests with two"),
        ([replace(row, clicks=0) for row in learnable_rows(60)], "0 tests with two"),
        ([replace(row, group="all") for row in learnable_rows(60)], "1 families of tests"),
        ([replace(row, clicks=50) for row in learnable_rows(60)], "0 pairs of wordings"),
    ],
    ids=["empty", "one test", "one arm a test", "no clicks", "connected", "ties"],
)
def test_history_that_can_teach_nothing_is_refused(rows, message, tmp_path):
    with pytest.raises(TooLittleHistoryError, match=message):
        train_in(tmp_path / "p1", rows, encoder=HashEncoder())
    assert list(tmp_path.iterdir()) == []


def test_contradictory_rows_promote_nothing(tmp_path):
    # The same wordings win in one test and lose in its twin.
    rows = [
        arm_row(f"{side}{number}", text, 2000, clicks, group=f"g{number}")
        for number in range(30)
        for side in ("a", "b")
        for text, clicks in zip(
            (f"up {number}", f"down {number}"), (90, 60) if side == "a" else (60, 90), strict=True
        )
    ]
    assert train_in(tmp_path / "p1", rows, encoder=HashEncoder()).served is None


def test_emoji_and_mixed_scripts_train(tmp_path):
    rows = [replace(row, text=f"{row.text} 🎉 скидка 割引") for row in learnable_rows(30)]
    assert train_in(tmp_path / "p1", rows, encoder=HashEncoder()).manifest["data"]["groups"] == 30


def dated(rows):
    """One test a day."""
    first = date(2026, 1, 1)
    return [replace(row, ended_on=first + timedelta(days=int(row.test[1:]))) for row in rows]


def turned(rows, *, since):
    """From one test on visitors like what they disliked before."""
    other = learnable_rows(len(rows) // 3, gain=-0.4)
    return [
        late if int(row.test[1:]) >= since else row for row, late in zip(rows, other, strict=True)
    ]


def test_strategy_that_wins_on_later_tests_too_is_served(tmp_path):
    rows = dated(learnable_rows(606))
    manifest = train_in(
        tmp_path / "p1", rows, encoder=StrangeEncoder(), choices=Choices(strategies=("tfidf",))
    ).manifest
    assert (manifest["gate"]["served"], manifest["gate"]["confirmed_by"]) == ("tfidf", "later")
    confirmation = manifest["confirmation"]
    assert (confirmation["rule"], confirmation["groups"]) == ("later", 202)
    assert confirmation["since"] == "2027-02-09"
    assert confirmation["metrics"]["tfidf"]["accuracy_all"]["value"] > 0.8
    card = (tmp_path / "p1" / "MODEL_CARD.md").read_text()
    assert "On the 202 later tests, which no choice had seen:" in card
    assert "on later tests 0." in card


def test_what_later_tests_do_not_confirm_is_not_served(tmp_path):
    rows = dated(turned(learnable_rows(606), since=404))
    manifest = train_in(
        tmp_path / "p1", rows, encoder=StrangeEncoder(), choices=Choices(strategies=("tfidf",))
    ).manifest
    gate = manifest["gate"]
    assert (gate["served"], gate["best_on_folds"]) == (None, "tfidf")
    assert manifest["metrics"]["tfidf"]["accuracy_all"]["value"] > 0.8
    assert manifest["confirmation"]["metrics"]["tfidf"]["accuracy_all"]["value"] < 0.2


def test_without_dates_the_choice_is_held_out(trained):
    manifest = trained[0].manifest
    assert manifest["gate"]["confirmed_by"] == "nested"
    assert (manifest["confirmation"]["rule"], manifest["confirmation"]["metrics"]) == (
        "too_few_dates",
        {},
    )
