"""Manifest of a predictor: the record of its training as JSON holds it, with its types."""

from typing import Literal, NotRequired, TypedDict

# Version of the stored files. A predictor of another one is refused: it is trained again.
FORMAT = 2

MetricName = Literal[
    "accuracy_all",
    "accuracy_p05",
    "top1",
    "top1_chance",
    "lift_of_pick",
    "log_loss",
    "log_loss_skill",
    "ece",
]


# The keys below are stored with every predictor; never rename one. A key that predictors of an
# earlier version lack is `NotRequired`.


class EstimateRecord(TypedDict):
    """`ml.evaluation.bootstrap.Estimate`; all three are None where the figure is undefined."""

    value: float | None
    low: float | None
    high: float | None


class EncoderRecord(TypedDict):
    """Pretrained encoder of a training."""

    name: str
    fingerprint: str
    dimension: int
    languages: NotRequired[list[str]]


class ConfigurationRecord(TypedDict):
    """Folds, encoder and versions of the libraries."""

    folds: int
    repeats: int
    encoder: EncoderRecord
    python: str
    libraries: dict[str, str]


class HistoryRecord(TypedDict):
    """Counts and hash of the history; `dispersion` is None without replicated arms."""

    sha256: str
    groups: int
    arms: int
    visitors: int
    clicks: int
    pairs: int
    pairs_p05: int
    tied_pairs: int
    suspect_groups: int
    single_wording_groups: int
    groups_without_clicks: int
    dispersion: float | None
    locales: dict[str, int]
    audiences: dict[str, int]
    forms: dict[str, int]
    median_words: NotRequired[float]


class DataRecord(HistoryRecord):
    """History of a training, with the weight of its suspect groups in [0, 1]."""

    suspect_trust: float


class CeilingRecord(TypedDict):
    """Noise ceilings of the pair accuracy; the second is None without a dispersion."""

    binomial: EstimateRecord
    overdispersed: EstimateRecord | None


class MetricsRecord(TypedDict):
    """`ml.evaluation.metrics.Metrics`."""

    accuracy_all: EstimateRecord
    accuracy_p05: EstimateRecord
    top1: EstimateRecord
    top1_chance: EstimateRecord
    lift_of_pick: EstimateRecord
    log_loss: EstimateRecord
    log_loss_skill: EstimateRecord
    ece: EstimateRecord


class EncoderTrialRecord(TypedDict):
    """Trial of one encoder, frozen, before the strategies; the first one is the simplest."""

    name: str
    fingerprint: str
    languages: list[str]
    metrics: MetricsRecord
    later: MetricsRecord | None
    chosen: bool


class ComparisonRecord(TypedDict):
    """`ml.evaluation.promotion_gate.PairedComparison`."""

    against: str
    gain: EstimateRecord
    extra_calibration_error: EstimateRecord
    reasons: list[str]


class VerdictRecord(TypedDict):
    """`ml.evaluation.promotion_gate.GateVerdict`."""

    name: str
    passed: bool
    comparisons: list[ComparisonRecord]
    negative_transfer: Literal["none", "suspected", "detected"]
    on_folds: NotRequired[bool]
    confirming: NotRequired[list[ComparisonRecord]]


class GateRecord(TypedDict):
    """`ml.evaluation.promotion_gate.GateDecision`."""

    served: str | None
    verdicts: list[VerdictRecord]
    confirmed_by: NotRequired[Literal["later", "nested", "nothing"]]
    best_on_folds: NotRequired[str | None]


class ConfirmationRecord(TypedDict):
    """`ml.dataset.later_tests.LaterTests`, and the figures of each strategy on the later tests."""

    rule: Literal["later", "too_few_dates", "too_few_tests", "too_connected"]
    groups: int
    since: str | None
    undated: int
    metrics: dict[str, MetricsRecord]


class SourceRecord(TypedDict):
    """Source tests of a transfer: likeness to the target, counts and evidence."""

    mmd: float
    mmd_p_value: float
    proxy_a_distance: float
    n_source: int
    n_target: int
    groups: int
    connected_groups_left_out: int
    arms: int
    effective_arms: float
    log_evidence_source: float
    log_evidence_target: float


class LeftOutRecord(TypedDict):
    """`ml.strategies.candidates.LeftOutStrategy`."""

    name: str
    reason: str
    found: int
    needed: int


class FactorRecord(TypedDict):
    """Verdict on the offsets of one factor; `penalty` is None where it is infinite."""

    kept: bool
    gain: EstimateRecord
    gain_over_pooled: EstimateRecord
    penalty: float | None
    vector_weight: float


class LevelRecord(TypedDict):
    """Held-out results of one level of a factor, and the share borrowed from all tests."""

    groups: int
    pairs: int
    accuracy: EstimateRecord
    accuracy_shared: EstimateRecord
    log_loss_skill: EstimateRecord
    borrowed: float


class SelectionRecord(TypedDict):
    """Selection of the context offsets: verdicts by factor, results by factor and level."""

    factors: dict[str, FactorRecord]
    levels: dict[str, dict[str, LevelRecord]]


class OffsetsRecord(SelectionRecord):
    """Context offsets of a predictor, with its metrics under them."""

    metrics: MetricsRecord


class RiskPointRecord(TypedDict):
    """`ml.evaluation.selective_prediction.RiskPoint`."""

    coverage: float
    chance: float
    accuracy: EstimateRecord


class RiskRecord(TypedDict):
    """`ml.evaluation.selective_prediction.Risk`."""

    curve: list[RiskPointRecord]
    toss_up: float
    interval_coverage: EstimateRecord


RefusalRule = Literal["unseen_words", "far_from_training"]


class AbstentionFigures(TypedDict):
    """Share of the held-out tests answered, and accuracy on answered and on refused pairs."""

    coverage: EstimateRecord
    accuracy_answered: EstimateRecord
    accuracy_refused: EstimateRecord
    gap: EstimateRecord


class AbstentionRuleRecord(AbstentionFigures):
    """A rule of refusal: its figures at the limit tried, and the limit in use."""

    kept: bool
    limit: float
    limit_tried: float


class AbstentionRecord(AbstentionFigures):
    """`ml.evaluation.abstention.Abstention`; figures of all rules, on later tests if there are."""

    later: bool
    rules: dict[str, AbstentionRuleRecord]


class DeletionRecord(TypedDict):
    """`ml.scoring.explanations.DeletionCheck`."""

    wordings: int
    named: float
    random: float
    gain: float
    low: float
    high: float


class TraceRecord(TypedDict):
    """`ml.fine_tuning.early_stopping.TrainingTrace`."""

    seed: int
    planned: int
    taken: int
    kept: int
    watched: int
    withheld: bool
    loss_before: float | None
    loss: float | None


class LanguageRecord(TypedDict):
    """`ml.language.transfer.LanguageTransfer`."""

    main: str
    other: str
    wordings: int
    agreement: float
    agreement_low: float
    slope: float
    main_level: float
    other_level: float
    allowance: float


class SurfaceRecord(TypedDict):
    """Spread of true effects on one form, in log-odds, and the factor of predicted differences."""

    groups: int
    spread: float
    shrinkage: float


class FastCopyRecord(TypedDict):
    """`ml.training.compression.Agreement` of the int8 copy with its original."""

    pairs: int
    turned: float
    moved: float
    is_equal: bool


class CalibrationRecord(TypedDict):
    """`ml.scoring.calibration.Calibration`."""

    slope: float
    lift_slope: float
    lift_sd: float


class AnswersRecord(TypedDict):
    """Held-out record of the answers: offsets, risk, faithfulness of the explanations."""

    departures: OffsetsRecord
    risk: RiskRecord
    surfaces: dict[str, SurfaceRecord]
    explanations: DeletionRecord | None
    abstention: NotRequired[AbstentionRecord]


class PointRecord(TypedDict):
    """`ml.evaluation.learning_curves.Point`."""

    groups: int
    accuracy: EstimateRecord


class GrowthRecord(TypedDict):
    """`ml.evaluation.learning_curves.Growth`."""

    sizes: list[int]
    per_doubling: EstimateRecord


class LearningCurveRecord(TypedDict):
    """Learning curves by strategy, measured on the archive while the version was active."""

    measured_at: str
    groups: int
    splits: int
    curves: dict[str, list[PointRecord]]
    growth: dict[str, GrowthRecord]


class Manifest(TypedDict):
    """Record of a training; what follows `left_out` is known of a predictor that passed only."""

    created_at: str
    seed: int
    code_commit: str
    configuration: ConfigurationRecord
    data: DataRecord
    ceiling: CeilingRecord
    metrics: dict[str, MetricsRecord]
    gate: GateRecord
    confirmation: NotRequired[ConfirmationRecord]
    encoders: NotRequired[list[EncoderTrialRecord]]
    source: NotRequired[SourceRecord | None]
    left_out: NotRequired[list[LeftOutRecord]]
    departures: NotRequired[OffsetsRecord]
    risk: NotRequired[RiskRecord]
    explanations: NotRequired[DeletionRecord | None]
    abstention: NotRequired[AbstentionRecord]
    tuning: NotRequired[list[TraceRecord]]
    language: NotRequired[LanguageRecord | None]
    surfaces: NotRequired[dict[str, SurfaceRecord]]
    fast_copy: NotRequired[FastCopyRecord | None]
    learning_curve: NotRequired[LearningCurveRecord]


class StoredManifest(Manifest):
    """Manifest of a stored predictor, with the SHA-256 of each of its files by name."""

    format: int
    strategy: str
    calibration: CalibrationRecord
    files: dict[str, str]


def interval_of(estimate: EstimateRecord | None) -> tuple[float, float, float] | None:
    """Return value, low and high of an estimate; None where it is undefined.

    Args:
        estimate: The estimate; None if there is none.

    >>> interval_of({"value": 0.5, "low": 0.4, "high": 0.6})
    (0.5, 0.4, 0.6)
    """
    if estimate is None:
        return None
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None or low is None or high is None:
        return None
    return value, low, high
