"""Serializers of the management API. None of them writes: writes go through services."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from experiments.models import CTA, Audience, CTAWording, Experiment, Slot, Variant


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
        )


class AudienceSerializer(serializers.ModelSerializer[Audience]):
    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)

    class Meta:
        model = Audience
        fields = ("id", "site", "key", "name", "condition")


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


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    site = serializers.CharField(source="slot.site.key", read_only=True)
    slot = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    audience = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    coverage = serializers.FloatField()
    variants = VariantSerializer(many=True, read_only=True)

    class Meta:
        model = Experiment
        fields = (
            "key",
            "name",
            "site",
            "slot",
            "audience",
            "status",
            "hypothesis",
            "primary_metric",
            "goal",
            "conversion_window_hours",
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
            "variants",
        )


class RampStepSerializer(serializers.Serializer[Any]):
    coverage = serializers.DecimalField(max_digits=5, decimal_places=4)
    hold_hours = serializers.DecimalField(max_digits=6, decimal_places=2, default=Decimal(24))


class RampSerializer(serializers.Serializer[Any]):
    steps = RampStepSerializer(many=True)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class TrafficSerializer(serializers.Serializer[Any]):
    """Shares by the arms' keys, and the coverage; what is left out stays as it is."""

    shares = serializers.DictField(
        child=serializers.DecimalField(max_digits=5, decimal_places=4), required=False
    )
    coverage = serializers.DecimalField(max_digits=5, decimal_places=4, required=False)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class RestoreArmSerializer(serializers.Serializer[Any]):
    arm = serializers.CharField(max_length=50)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class ScheduleSerializer(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField(allow_null=True, default=None)
    ends_at = serializers.DateTimeField(allow_null=True, default=None)


class RollbackSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)
