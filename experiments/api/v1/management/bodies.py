"""Bodies that create and change the catalogue: the models' fields and rules, nothing else.

Rows are named as answers name them: sites, slots, audiences and namespaces by key, CTAs by id.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers

from experiments.api.v1.serializers import StrictSerializer
from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Experiment,
    Guardrail,
    Namespace,
    SecondaryMetric,
    Site,
    Slot,
    Variant,
)
from experiments.services.lifecycle.drafts import MAX_ARMS
from experiments.services.lifecycle.schedules import moment_is_over
from experiments.targeting.languages import spelled

MOST_WORDINGS, MOST_TAGS, MOST_METRICS = 100, 50, 20
KEY_LENGTH, MOST_ID = 50, 2**63 - 1


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A body by a model's fields; that a key is taken is found, and said, when it is stored."""

    def get_uniqueness_extra_kwargs(
        self, field_names: Any, declared_fields: Any, extra_kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        return extra_kwargs, {}

    def get_unique_together_validators(self) -> list[Any]:
        return []

    def get_unique_for_date_validators(self) -> list[Any]:
        return []


class RowSerializer(StrictModelSerializer):
    """A row within a body: whole, also where the body is a change."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            required = {name: field for name, field in self.fields.items() if field.required}
            missing = {
                name: [field.error_messages["required"]]
                for name, field in required.items()
                if name not in data
            }
            if missing:
                raise serializers.ValidationError(missing)
        return super().to_internal_value(data)


def rows_of(body: Any, most: int, **options: Any) -> Any:
    """Return a field of several rows, at most `most`."""
    return body(many=True, max_length=most, **options)


def site_field() -> serializers.SlugField:
    text = "Key of the site. A server key's own where it is left out."
    return serializers.SlugField(required=False, max_length=KEY_LENGTH, help_text=text)


def key_of(what: str, **options: Any) -> serializers.SlugField:
    return serializers.SlugField(max_length=KEY_LENGTH, help_text=f"Key of {what}.", **options)


def cta_id(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=MOST_ID, help_text="Id of a CTA of the site.", **options
    )


class LanguageTag(serializers.CharField):
    """A language tag in any spelling, such as `fr_ca`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=35, **options)

    def to_internal_value(self, data: Any) -> str:
        return spelled(super().to_internal_value(data))


class SiteBody(StrictModelSerializer):
    default_locale = LanguageTag(required=False)

    class Meta:
        model = Site
        fields = (
            *("key", "name", "default_locale", "allowed_origins", "internal_networks"),
            *("internal_visitors", "needs_receipts", "values_need_server"),
            *("holdout", "holdout_seed"),
            *("minimum_visitors", "minimum_conversions", "minimum_days", "time_zone"),
            *("former_id_attribute", "needs_approval"),
            *("brand_background_color", "brand_text_color"),
        )
        extra_kwargs: ClassVar[dict[str, Any]] = {"key": {"validators": []}}


class WordingBody(RowSerializer):
    locale = LanguageTag()

    class Meta:
        model = CTAWording
        fields = ("locale", "text")


class CTABody(StrictModelSerializer):
    site = site_field()
    principles = serializers.ListField(
        child=serializers.ChoiceField(choices=CTA.Principle.choices),
        required=False,
        max_length=len(CTA.Principle),
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=MOST_TAGS
    )
    wordings = rows_of(WordingBody, MOST_WORDINGS)

    class Meta:
        model = CTA
        fields = (
            *("site", "name", "form", "destination", "background_color", "text_color"),
            *("size", "icon", "principles", "tags", "wordings"),
        )


class AudienceBody(StrictModelSerializer):
    site = site_field()

    class Meta:
        model = Audience
        fields = ("site", "key", "name", "condition")


class NamespaceBody(StrictModelSerializer):
    site = site_field()

    class Meta:
        model = Namespace
        fields = ("site", "key", "seed", "unit")


class SlotBody(StrictModelSerializer):
    site = site_field()
    default_cta = cta_id()

    class Meta:
        model = Slot
        fields = ("site", "key", "name", "page_pattern", "position", "default_cta")


class VariantBody(RowSerializer):
    """An arm; the first is the control."""

    cta = cta_id()
    share = serializers.DecimalField(max_digits=5, decimal_places=4, min_value=0, max_value=1)

    class Meta:
        model = Variant
        fields = ("key", "cta", "share")


class GuardrailBody(RowSerializer):
    """A guardrail; without a margin it gets the smallest that the plan can exclude."""

    margin = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)

    class Meta:
        model = Guardrail
        fields = ("metric", "goal", "margin", "higher_is_better")


class SecondaryMetricBody(RowSerializer):
    class Meta:
        model = SecondaryMetric
        fields = ("metric", "goal")


class ExperimentBody(StrictModelSerializer):
    """A draft. Its site is that of its slot."""

    site = site_field()
    slot = key_of("the slot")
    audience = key_of("an audience; null: every visitor", allow_null=True, required=False)
    namespace = key_of("a namespace", allow_null=True, required=False)
    variants = rows_of(VariantBody, MAX_ARMS, required=False)
    guardrails = rows_of(GuardrailBody, MOST_METRICS, required=False)
    secondary_metrics = rows_of(SecondaryMetricBody, MOST_METRICS, required=False)

    class Meta:
        model = Experiment
        fields = (
            *("site", "slot", "audience", "key", "name", "hypothesis", "primary_metric", "goal"),
            *("conversion_window_hours", "value_cap", "alpha", "plan", "planned_visitors"),
            *("coverage", "namespace", "namespace_start", "namespace_end", "seed"),
            *("starts_at", "ends_at", "ends_when_planned", "rolls_back", "strict_guardrails"),
            *("variants", "guardrails", "secondary_metrics"),
        )
        extra_kwargs: ClassVar[dict[str, Any]] = {"key": {"validators": []}}

    def validate_starts_at(self, value: datetime | None) -> datetime | None:
        return self._to_come("starts_at", value)

    def validate_ends_at(self, value: datetime | None) -> datetime | None:
        return self._to_come("ends_at", value)

    def _to_come(self, field: str, value: datetime | None) -> datetime | None:
        """Return a planned moment, unless it is changed to one of the past."""
        kept = getattr(self.instance, field, None)
        if moment_is_over(value, kept=kept, now=timezone.now()):
            raise serializers.ValidationError("This moment is over: choose one that is to come.")
        return value
