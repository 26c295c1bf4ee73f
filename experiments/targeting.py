"""Who belongs to an audience: targeting conditions over a visitor's attributes.

A condition is a JSON object in the manner of a MongoDB query, as GrowthBook's SDKs
read it: `{"locale": "fr", "utm_source": {"$in": ["mail", "ads"]}}`. Whoever stores
one calls `validate_condition` first; whoever serves calls `evaluate_condition`.

Source: GrowthBook, "Build your own SDK", spec 0.8.0.
"""

from experiments.conditions.evaluation import SavedGroups, evaluate_condition
from experiments.conditions.validation import validate_condition

__all__ = ["SavedGroups", "evaluate_condition", "validate_condition"]
