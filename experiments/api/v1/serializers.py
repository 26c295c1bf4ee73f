"""JSON shapes of the management API. Reading only: writes go through services."""

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
        fields = ("arm", "key", "cta", "share")


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
            "coverage",
            "origin",
            "source",
            "started_at",
            "stopped_at",
            "variants",
        )
