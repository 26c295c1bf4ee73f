"""Changes of visitors' contributions, gathered in memory and written in a few statements."""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from operator import add

from experiments import selectors
from experiments.models import Experiment, Rollup, VisitorOutcome
from experiments.services.outcomes import Outcome, measured

AMOUNTS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_product_sum",
    "quarantined_visitors",
)
Amounts = tuple[int | Decimal, ...]
EVERYBODY = ""
ROWS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What names a rollup."""

    experiment_id: int
    variant_id: int
    day: date
    segment: str


class Book:
    """The experiments whose visitors are booked must be locked until the transaction ends."""

    def __init__(self) -> None:
        self.deltas: dict[_Key, Amounts] = {}
        self.created: list[VisitorOutcome] = []
        self.changed: list[VisitorOutcome] = []

    def replace(
        self,
        experiment: Experiment,
        visitor: str,
        *,
        old: VisitorOutcome | None,
        new: Outcome | None,
    ) -> None:
        """Book a visitor's new contribution instead of the old one."""
        if new is None or (old is not None and _as_outcome(old) == new):
            return
        if old is not None:
            self._add(experiment, _as_outcome(old), sign=-1)
        self._add(experiment, new, sign=1)
        row = old or VisitorOutcome(experiment=experiment, visitor=visitor)
        for name in Outcome.__slots__:
            setattr(row, name, getattr(new, name))
        (self.changed if old else self.created).append(row)

    def write(self) -> None:
        """Write visitors and rollups; the number of statements does not grow with the rows."""
        VisitorOutcome.objects.bulk_create(self.created)
        VisitorOutcome.objects.bulk_update(
            self.changed, list(Outcome.__slots__), batch_size=ROWS_A_STATEMENT
        )
        moved = {key: amounts for key, amounts in self.deltas.items() if any(amounts)}
        if moved:
            _write_rollups(moved)

    def _add(self, experiment: Experiment, outcome: Outcome, *, sign: int) -> None:
        amounts = _amounts(outcome, measured(experiment, outcome), sign)
        for segment in (EVERYBODY, *outcome.segments.split()):
            key = _Key(
                experiment_id=experiment.pk,
                variant_id=outcome.variant_id,
                day=outcome.day,
                segment=segment,
            )
            before = self.deltas.get(key, (0,) * len(amounts))
            self.deltas[key] = tuple(map(add, before, amounts))


def _amounts(outcome: Outcome, result: Decimal, sign: int) -> Amounts:
    """Return what the visitor adds (or, with sign -1, takes away), in the order of AMOUNTS."""
    counted = 0 if outcome.is_quarantined else sign
    value, covariate = outcome.value * counted, outcome.covariate * counted
    return (
        counted,
        counted * outcome.has_clicked,
        counted * outcome.has_converted,
        value,
        value * outcome.value,
        covariate,
        covariate * outcome.covariate,
        covariate * result,
        sign * outcome.is_quarantined,
    )


def _write_rollups(deltas: dict[_Key, Amounts]) -> None:
    # More rows than are asked for may match; a few statements are worth that.
    stored = {
        _key_of(row): row
        for row in selectors.rollups_to_book(
            experiment_ids={key.experiment_id for key in deltas},
            days={key.day for key in deltas},
            segments={key.segment for key in deltas},
        )
    }
    created: list[Rollup] = []
    changed: list[Rollup] = []
    emptied: list[int] = []
    for key, amounts in deltas.items():
        row = stored.get(key) or Rollup(**asdict(key))
        for name, amount in zip(AMOUNTS, amounts, strict=True):
            setattr(row, name, getattr(row, name) + amount)
        # A row of zeros (its only visitor turned out to be of another day) is no row.
        if not any(getattr(row, name) for name in AMOUNTS):
            emptied.append(row.pk)
        else:
            (changed if row.pk else created).append(row)
    Rollup.objects.filter(pk__in=emptied).delete()
    Rollup.objects.bulk_update(changed, AMOUNTS, batch_size=ROWS_A_STATEMENT)
    Rollup.objects.bulk_create(created)


def _key_of(row: Rollup) -> _Key:
    return _Key(
        experiment_id=row.experiment_id,
        variant_id=row.variant_id,
        day=row.day,
        segment=row.segment,
    )


def _as_outcome(row: VisitorOutcome) -> Outcome:
    return Outcome(**{name: getattr(row, name) for name in Outcome.__slots__})
