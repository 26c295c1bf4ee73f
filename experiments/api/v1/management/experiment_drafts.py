"""Experiments: drafts created, changed and removed, with arms, guardrails and metrics."""

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import sites_where
from experiments.api.v1.management.bodies import ExperimentBody
from experiments.api.v1.management.edited_rows import EditedRowsViewSet, Values, author_of
from experiments.api.v1.management.references import row_named, site_named
from experiments.api.v1.serializers import ExperimentSerializer, NothingSerializer
from experiments.models import (
    CTA,
    Audience,
    Experiment,
    Guardrail,
    Namespace,
    SecondaryMetric,
    Site,
    Slot,
    Variant,
)
from experiments.selectors import reports
from experiments.selectors.catalogue import pickable_ctas
from experiments.services.edits.edit_log import Way, log_edit
from experiments.services.insights.draft_planning import fit_margins
from experiments.services.insights.plan_review import save_slot_plan
from experiments.services.lifecycle.draft_editing import DraftParts, save_draft
from experiments.services.lifecycle.drafts import duplicate_experiment


class DraftsViewSet(EditedRowsViewSet[Experiment]):
    """Experiments, of which drafts can change."""

    serializer_class = ExperimentSerializer
    queryset = Experiment.objects.none()
    body = ExperimentBody
    noun = "an experiment"
    lookup_field = "key"
    # A slug: what no key can be is not found, and not asked of the database.
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Experiment]:
        return reports.experiments_for_report(
            sites=sites_where(self.request.user, "experiments.view_experiment")
        )

    def made(self, request: Request, values: Values) -> Experiment:
        site = site_named(request, values.pop("site", None), "experiments.add_experiment")
        slots = Slot.objects.filter(site=site)
        return Experiment(slot=cast(Slot, row_named(slots, "slot", key=values.pop("slot"))))

    def same(self, row: Experiment, values: Values) -> Experiment | None:
        return Experiment.objects.filter(key=values["key"]).first()

    @extend_schema(request=NothingSerializer, responses={201: ExperimentSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, key: str) -> Response:
        """Create a draft with the same plan, arms, guardrails and metrics, named as a copy."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        with transaction.atomic():
            experiment = self.get_object()
            copy = duplicate_experiment(experiment=experiment, now=timezone.now())
            _plan(copy, DraftParts(), is_new=True)
            by = author_of(request, way=Way.COPY, note=experiment.name)
            log_edit(copy, before=[], by=by)
        answer = self.answer(self.again(copy), status=201)
        answer.headers["Location"] = self.address_of(copy)
        return answer

    def stored(self, row: Experiment, values: Values) -> None:
        is_new, site = row._state.adding, row.slot.site
        if values.pop("site", site.key) != site.key:
            raise ValidationError({"site": ["The site of an experiment stays."]})
        parts = _parts(values, site)
        for name, rows in (("slot", Slot), ("audience", Audience), ("namespace", Namespace)):
            if values.get(name) is not None:
                found = rows.objects.filter(site=site)
                values[name] = row_named(found, name, key=values[name])
        for name, value in values.items():
            setattr(row, name, value)
        save_draft(row, parts)
        _plan(row, parts, is_new=is_new)


def _plan(draft: Experiment, parts: DraftParts, *, is_new: bool) -> None:
    """Set what a draft leaves to the figures of its slot, as the page of a new one does."""
    now = timezone.now()
    draft = Experiment.objects.get(pk=draft.pk)  # With the rows that were just stored.
    if is_new and draft.planned_visitors is None:
        save_slot_plan(draft=draft, now=now)
    left_open = [one.pk for one in parts.guardrails or () if one.margin_is_open]  # type: ignore[attr-defined]
    if left_open:
        fit_margins(draft, now=now, only=left_open)


def _parts(values: Values, site: Site) -> DraftParts:
    """Return the rows that belong to the draft, and take them out of its values."""
    variants = values.pop("variants", None)
    guardrails = values.pop("guardrails", None)
    metrics = values.pop("secondary_metrics", None)
    return DraftParts(
        variants=None if variants is None else _variants(variants, site),
        guardrails=None if guardrails is None else [_guardrail(one) for one in guardrails],
        secondary_metrics=None if metrics is None else [SecondaryMetric(**one) for one in metrics],
    )


def _variants(bodies: list[dict[str, Any]], site: Site) -> list[Variant]:
    ctas = pickable_ctas(CTA.objects.filter(site=site))
    return [
        Variant(**{**one, "cta": row_named(ctas, f"variants.{number}.cta", pk=one["cta"])})
        for number, one in enumerate(bodies)
    ]


def _guardrail(body: dict[str, Any]) -> Guardrail:
    values = {name: value for name, value in body.items() if value is not None}
    guardrail = Guardrail(**values)
    guardrail.margin_is_open = body.get("margin") is None  # type: ignore[attr-defined]
    return guardrail
