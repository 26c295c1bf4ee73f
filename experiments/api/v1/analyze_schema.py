"""OpenAPI schema of `POST /api/v1/analyze`, whose body the statistics read by themselves."""

from typing import Any, get_args

from experiments.stats.engine.arms import LONGEST_NAME, MOST_ARMS, MOST_VISITORS, Metric
from experiments.stats.engine.earlier_looks import MOST_COMPARISONS
from experiments.stats.engine.request import LEAST_ALPHA, METHODS, MOST_BOSCHLOO_VISITORS
from experiments.stats.estimation.multiplicity import CORRECTIONS
from experiments.stats.frequentist.exact_tests import MOST_FOR_BOSCHLOO

_NUMBER = {"type": "number"}
_NULLABLE = {"type": "number", "nullable": True}

ARMS: dict[str, Any] = {
    "type": "array",
    "minItems": 2,
    "maxItems": MOST_ARMS,
    "description": (
        "Arms with their sums, the control first. Besides name and n: sum for a proportion; sum"
        " and sum_squares for a mean; numerator_sum, numerator_sum_squares, denominator_sum,"
        " denominator_sum_squares and product_sum for a ratio; each with or without covariate_sum,"
        " covariate_sum_squares and covariate_product_sum. Exact tests of arms of up to"
        f" {MOST_FOR_BOSCHLOO} visitors: at most {MOST_BOSCHLOO_VISITORS:,} visitors, the control"
        " counted with each arm."
    ),
    "items": {
        "type": "object",
        "required": ["name", "n"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
            "n": {"type": "number", "minimum": 0, "maximum": MOST_VISITORS},
            "sum": _NUMBER,
        },
        "additionalProperties": _NUMBER,
    },
}
LOOKS: dict[str, Any] = {
    "type": "array",
    "description": (
        "Sums until each earlier look, the oldest first; for method sequential. Looks are taken"
        " by a schedule, such as the ends of days, not by results. The arms are those of the"
        " request in its order. Looks, now among them, times arms but the control: at most"
        f" {MOST_COMPARISONS:,}. p_value is the smallest of all looks, interval what"
        " all looks leave, and proven the first look that proved the arm."
    ),
    "items": {
        "type": "object",
        "required": ["arms"],
        "properties": {"arms": {**ARMS, "description": "Sums until this look."}},
        "additionalProperties": False,
    },
}
REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["metric", "arms"],
    "additionalProperties": False,
    "properties": {
        "metric": {"type": "string", "enum": list(get_args(Metric))},
        "method": {"type": "string", "enum": list(METHODS), "default": "sequential"},
        "alpha": {
            "type": "number",
            "minimum": LEAST_ALPHA,
            "maximum": 1 - LEAST_ALPHA,
            "default": 0.05,
        },
        "correction": {"type": "string", "enum": list(CORRECTIONS), "default": "holm"},
        "relative": {
            "type": "boolean",
            "default": True,
            "description": "Intervals and losses of the lift; false: of the effect.",
        },
        "shares": {"type": "array", "items": _NUMBER, "description": "Left out: equal shares."},
        "arms": ARMS,
        "looks": LOOKS,
        "planned_n": {"type": "number", "minimum": 1, "maximum": MOST_VISITORS},
        "prior": {
            "type": "object",
            "nullable": True,
            "required": ["mean", "sd"],
            "properties": {"mean": _NUMBER, "sd": _NUMBER},
            "additionalProperties": False,
        },
    },
}
PROVEN: dict[str, Any] = {
    "type": "object",
    "nullable": True,
    "description": "First look that proved the arm, from 1; only where the request has looks.",
    "properties": {
        "look": {"type": "integer", "minimum": 1},
        "p_value_adjusted": _NUMBER,
        "lift": _NULLABLE,
        "visitors": _NUMBER,
    },
}
COMPARISON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "arm": {"type": "string"},
        "effect": _NULLABLE,
        "lift": _NULLABLE,
        "interval": {
            "type": "array",
            "items": _NUMBER,
            "minItems": 2,
            "maxItems": 2,
            "nullable": True,
        },
        "p_value": _NULLABLE,
        "p_value_adjusted": _NULLABLE,
        "chance_to_win": _NULLABLE,
        "expected_loss": _NULLABLE,
        "method": {"type": "string", "enum": list(METHODS)},
        "reason": {"type": "string", "nullable": True},
        "proven": PROVEN,
    },
}
RESPONSE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "srm": {
            "type": "object",
            "properties": {"p_value": _NULLABLE, "reason": {"type": "string"}},
        },
        "comparisons": {"type": "array", "items": COMPARISON},
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}
