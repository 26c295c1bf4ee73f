"""Shapes of the management API's answers, and of the bodies of steps."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Decision,
    Experiment,
    Guardrail,
    Namespace,
    SecondaryMetric,
    Site,
    Slot,
    Variant,
)
from experiments.targeting.validation import storable

# Characters of an unknown field's name that the answer repeats.
MOST_NAMED = 100


class SiteSerializer(serializers.ModelSerializer[Site]):
    holdout = serializers.FloatField()

    class Meta:
        model = Site
        fields = (
            *("key", "name", "client_key", "default_locale", "allowed_origins"),
            *("internal_networks", "internal_visitors", "needs_receipts", "values_need_server"),
            *("holdout", "holdout_seed", "minimum_visitors", "minimum_conversions"),
            *("minimum_days", "time_zone", "former_id_attribute", "needs_approval"),
            *("brand_background_color", "brand_text_color"),
        )


class NamespaceSerializer(serializers.ModelSerializer[Namespace]):
    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)

    class Meta:
        model = Namespace
        fields = ("id", "site", "key", "seed", "unit")


class WordingSerializer(serializers.ModelSerializer[CTAWording]):
    class Meta:
        model = CTAWording
        fields = ("locale", "text")


class CTASerializer(serializers.ModelSerializer[CTA]):
    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    wordings = WordingSerializer(many=True, read_only=True)
    tags = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)

    class Meta:
        model = CTA
        fields = (
            "id",
            "site",
            "name",
            "form",
            "destination",
            "background_color",
            "text_color",
            "size",
            "icon",
            "principles",
            "tags",
            "wordings",
            "archived_at",
        )


class FindingSerializer(serializers.Serializer[Any]):
    """What was checked of a wording, and what was found."""

    check = serializers.CharField()
    level = serializers.ChoiceField(choices=("fault", "advice", "unknown", "good"))
    code = serializers.CharField()
    params = serializers.DictField()
    name = serializers.CharField()
    message = serializers.CharField()


class CheckedWordingSerializer(serializers.Serializer[Any]):
    locale = serializers.CharField()
    text = serializers.CharField()
    findings = FindingSerializer(many=True)
    principles = serializers.ListField(child=serializers.ChoiceField(choices=CTA.Principle.choices))


class ArmUseSerializer(serializers.Serializer[Any]):
    experiment = serializers.CharField(source="experiment.key")
    status = serializers.CharField(source="experiment.status")
    slot = serializers.CharField(source="experiment.slot.key")
    arm = serializers.CharField(source="key")


class CTAUseSerializer(serializers.Serializer[Any]):
    """Slots by key, and arms, those of live experiments first."""

    slots = serializers.ListField(child=serializers.CharField())
    arms = ArmUseSerializer(many=True)


class AudienceSerializer(serializers.ModelSerializer[Audience]):
    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)

    class Meta:
        model = Audience
        fields = ("id", "site", "key", "name", "condition")

    def to_representation(self, instance: Audience) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return shown | {"condition": storable(shown["condition"])}


class ReachSerializer(serializers.Serializer[Any]):
    """Visitors of an audience, of all of the last days; null where they cannot be counted."""

    visitors = serializers.IntegerField(allow_null=True)
    of = serializers.IntegerField()
    days = serializers.IntegerField()
    uncounted = serializers.ListField(
        child=serializers.CharField(), help_text="Attributes that are not kept of a visitor."
    )


class SlotSerializer(serializers.ModelSerializer[Slot]):
    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)

    class Meta:
        model = Slot
        fields = ("id", "site", "key", "name", "page_pattern", "position", "default_cta")


class VariantSerializer(serializers.ModelSerializer[Variant]):
    share = serializers.FloatField()

    class Meta:
        model = Variant
        fields = ("arm", "key", "cta", "share", "rolled_back_at")


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """The decision at the end, with what the report said then of the arm `compared`."""

    winner = serializers.SlugRelatedField[Any](slug_field="key", read_only=True, allow_null=True)
    compared = serializers.SlugRelatedField[Any](slug_field="key", read_only=True, allow_null=True)
    author = serializers.SlugRelatedField[Any](
        slug_field="username", read_only=True, allow_null=True
    )

    class Meta:
        model = Decision
        fields = (
            "outcome",
            "winner",
            "note",
            "decided_at",
            "author",
            "server_key",
            "verdict",
            "visitors",
            "compared",
            "lift",
            "p_value",
            "promoted_cta",
            "replaced_cta",
            "undone_at",
        )


class GuardrailSerializer(serializers.ModelSerializer[Guardrail]):
    class Meta:
        model = Guardrail
        fields = ("metric", "goal", "margin", "higher_is_better")


class SecondaryMetricSerializer(serializers.ModelSerializer[SecondaryMetric]):
    class Meta:
        model = SecondaryMetric
        fields = ("metric", "goal")


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    site = serializers.CharField(source="slot.site.key", read_only=True)
    slot = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    audience = serializers.SlugRelatedField[Any](slug_field="key", read_only=True, allow_null=True)
    planned_visitors_basis = serializers.DictField(read_only=True, allow_null=True)
    coverage = serializers.FloatField()
    value_cap = serializers.FloatField(allow_null=True)
    namespace = serializers.SlugRelatedField[Any](slug_field="key", read_only=True, allow_null=True)
    namespace_start = serializers.FloatField(allow_null=True)
    namespace_end = serializers.FloatField(allow_null=True)
    variants = VariantSerializer(many=True, read_only=True)
    decision = DecisionSerializer(read_only=True, allow_null=True, default=None)
    guardrails = GuardrailSerializer(many=True, read_only=True)
    secondary_metrics = SecondaryMetricSerializer(many=True, read_only=True)
    tags = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)
    owner = serializers.SlugRelatedField[Any](
        slug_field="username", read_only=True, allow_null=True
    )

    class Meta:
        model = Experiment
        fields = (
            "key",
            "name",
            "site",
            "slot",
            "audience",
            "status",
            "tags",
            "owner",
            "hypothesis",
            "primary_metric",
            "goal",
            "conversion_window_hours",
            "value_cap",
            "alpha",
            "plan",
            "planned_visitors",
            "strict_guardrails",
            "planned_visitors_basis",
            "coverage",
            "origin",
            "source",
            "started_at",
            "stopped_at",
            "starts_at",
            "ends_at",
            "ends_when_planned",
            "rolls_back",
            "rolled_back_at",
            "namespace",
            "namespace_start",
            "namespace_end",
            "seed",
            "variants",
            "decision",
            "guardrails",
            "secondary_metrics",
        )


class StrictSerializer(serializers.Serializer[Any]):
    """Base of the bodies of requests: an unknown field is refused by its name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name)[:MOST_NAMED] for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(self.fields) or "none"
                sentence = f"There is no such field here; known are: {known}."
                raise serializers.ValidationError({name: [sentence] for name in unknown})
        return super().to_internal_value(data)


class NothingSerializer(StrictSerializer):
    """A step that takes no fields: an empty body, or an empty object."""


class RampStepSerializer(StrictSerializer):
    coverage = serializers.DecimalField(max_digits=5, decimal_places=4)
    hold_hours = serializers.DecimalField(max_digits=6, decimal_places=2, default=Decimal(24))


class RampSerializer(StrictSerializer):
    steps = RampStepSerializer(many=True)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class TrafficSerializer(StrictSerializer):
    """Shares by the arms' keys, and the coverage; what is left out stays as it is."""

    shares = serializers.DictField(
        child=serializers.DecimalField(max_digits=5, decimal_places=4), required=False
    )
    coverage = serializers.DecimalField(max_digits=5, decimal_places=4, required=False)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _with_one_of(attrs, ("shares", "coverage"))


class RestoreArmSerializer(StrictSerializer):
    arm = serializers.CharField(max_length=50)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class ScheduleSerializer(StrictSerializer):
    """Planned times; null takes one away, and one that is left out stays as it is."""

    starts_at = serializers.DateTimeField(allow_null=True, required=False)
    ends_at = serializers.DateTimeField(allow_null=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _with_one_of(attrs, ("starts_at", "ends_at"))


class RollbackSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class NoteSerializer(StrictSerializer):
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class AnswerSerializer(NoteSerializer):
    """The answer to a request for approval, with its reason."""

    approve = serializers.BooleanField()


class DecideSerializer(StrictSerializer):
    """A decision: its outcome, the winning arm, and whether the CTA is shown to everybody.

    `expected_default`: primary key of the CTA that has to be the slot's default still.
    """

    outcome = serializers.ChoiceField(choices=Decision.Outcome.choices)
    arm = serializers.CharField(required=False, default="", allow_blank=True, max_length=50)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    promotes = serializers.BooleanField(required=False, default=False)
    expected_default = serializers.IntegerField(required=False, allow_null=True, default=None)


class StopSerializer(DecideSerializer):
    """Nothing, or the decision at the end."""

    outcome = serializers.ChoiceField(choices=Decision.Outcome.choices, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "outcome" not in attrs and (set(self.initial_data) & set(self.fields)):
            sentence = "Say the outcome, too."
            raise serializers.ValidationError({"outcome": [sentence]})
        return attrs


def _with_one_of(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Refuse a request with none of these fields: answered 200 it would look done."""
    if not any(name in values for name in names):
        raise serializers.ValidationError(f"Say at least one of: {', '.join(names)}.")
    return values
