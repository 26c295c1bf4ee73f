"""The tables as migrations 0001 to 0058 leave them, for a database that is still empty.

An installation that has applied some of them goes on with those that it lacks: Django takes this
file only where it has applied none or all. tests/experiments/migrations proves that both ways end
with the same tables.
"""

import django.core.validators
import django.db.models.deletion
import experiments.models.access
import experiments.models.fields
import experiments.models.validators
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from experiments.migrations._table_operations import CreateModels, CreatePartitionedModel


class Migration(migrations.Migration):
    replaces = [
        ("experiments", "0001_initial"),
        ("experiments", "0002_quality"),
        ("experiments", "0003_job_attempts"),
        ("experiments", "0004_course"),
        ("experiments", "0005_event_store"),
        ("experiments", "0006_cache_watch"),
        ("experiments", "0007_retention"),
        ("experiments", "0008_fold_sets"),
        ("experiments", "0009_change_kinds"),
        ("experiments", "0010_rollup_check"),
        ("experiments", "0011_guardrails"),
        ("experiments", "0012_planned_visitors_basis"),
        ("experiments", "0013_verdict_needs"),
        ("experiments", "0014_time_zone"),
        ("experiments", "0015_phases_of_visitors"),
        ("experiments", "0016_secondary_metrics"),
        ("experiments", "0017_end_when_planned"),
        ("experiments", "0018_interactions"),
        ("experiments", "0019_currencies_of_values"),
        ("experiments", "0020_end_of_pre_period"),
        ("experiments", "0021_memberships"),
        ("experiments", "0022_first_roles"),
        ("experiments", "0023_teaching"),
        ("experiments", "0024_proofs"),
        ("experiments", "0025_counts_of_acts"),
        ("experiments", "0026_strangers"),
        ("experiments", "0027_server_key_scopes"),
        ("experiments", "0028_installation"),
        ("experiments", "0029_destinations_on_one_host"),
        ("experiments", "0030_ratio_metrics"),
        ("experiments", "0031_bursts"),
        ("experiments", "0032_value_cap"),
        ("experiments", "0033_heartbeats"),
        ("experiments", "0034_visitor_exports"),
        ("experiments", "0035_days_in_time_zone"),
        ("experiments", "0036_orders"),
        ("experiments", "0037_visitor_digests"),
        ("experiments", "0038_destinations_of_pages"),
        ("experiments", "0039_late_visitors"),
        ("experiments", "0040_decisions_at_the_end"),
        ("experiments", "0041_standings_and_sightings"),
        ("experiments", "0042_missing_goals"),
        ("experiments", "0043_uploads"),
        ("experiments", "0044_typed_experiments"),
        ("experiments", "0045_notices"),
        ("experiments", "0046_values_from_servers"),
        ("experiments", "0047_approvals"),
        ("experiments", "0048_brand_colours"),
        ("experiments", "0049_typed_ctas"),
        ("experiments", "0050_frozen_reports"),
        ("experiments", "0051_annotations"),
        ("experiments", "0052_past_tests"),
        ("experiments", "0053_learnings"),
        ("experiments", "0054_edits"),
        ("experiments", "0055_cta_archive"),
        ("experiments", "0056_comments"),
        ("experiments", "0057_job_creator"),
        ("experiments", "0058_experiment_templates"),
    ]

    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        CreateModels(
            [
                migrations.CreateModel(
                    name="ConfigRevision",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("number", models.PositiveBigIntegerField(default=0)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("pk", 1)), name="config_revision_one_row"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Site",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("key", models.SlugField(unique=True, verbose_name="key")),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        (
                            "client_key",
                            models.CharField(
                                default=experiments.models.validators.new_client_key,
                                help_text="Publishable: it stands in the page's source.",
                                max_length=100,
                                unique=True,
                                verbose_name="client key",
                            ),
                        ),
                        (
                            "default_locale",
                            models.CharField(
                                default="en",
                                max_length=35,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
                                        "Write a language tag such as fr or fr-CA.",
                                    )
                                ],
                                verbose_name="default language",
                            ),
                        ),
                        (
                            "allowed_origins",
                            models.JSONField(
                                blank=True,
                                default=experiments.models.validators.empty_list,
                                help_text="Origins that may call the API from a browser. Empty: any origin.",
                                validators=[experiments.models.validators.origins_validator],
                                verbose_name="allowed origins",
                            ),
                        ),
                        (
                            "internal_networks",
                            models.JSONField(
                                blank=True,
                                default=experiments.models.validators.empty_list,
                                help_text="Address ranges of your own people: kept, but left out of the analysis.",
                                validators=[experiments.models.validators.networks_validator],
                                verbose_name="internal networks",
                            ),
                        ),
                        (
                            "internal_visitors",
                            models.JSONField(
                                blank=True,
                                default=experiments.models.validators.empty_list,
                                help_text="Beginnings of the ids of your own people: kept, but left out of the analysis.",
                                validators=[experiments.models.validators.prefixes_validator],
                                verbose_name="internal visitors",
                            ),
                        ),
                        (
                            "former_id_attribute",
                            models.CharField(
                                blank=True,
                                default="anonymousId",
                                help_text="Where a visitor gets another id by logging in, send the former one in this attribute: the arm is kept. Empty: not used.",
                                max_length=100,
                                verbose_name="attribute with the id before log-in",
                            ),
                        ),
                        (
                            "holdout",
                            models.DecimalField(
                                decimal_places=4,
                                default=Decimal("0"),
                                help_text="Fraction of the visitors kept out of all experiments, such as 0.05. They show what the tests have brought altogether. Best set once, before the first experiment.",
                                max_digits=5,
                                validators=[
                                    django.core.validators.MinValueValidator(Decimal("0")),
                                    django.core.validators.MaxValueValidator(Decimal("0.5")),
                                ],
                                verbose_name="holdout",
                            ),
                        ),
                        (
                            "holdout_seed",
                            models.CharField(
                                blank=True,
                                default="",
                                help_text="Empty: the site's key. Another seed holds other visitors out.",
                                max_length=200,
                                verbose_name="seed of the holdout",
                            ),
                        ),
                        (
                            "minimum_conversions",
                            models.PositiveIntegerField(
                                default=20,
                                help_text="Clicks or conversions of each arm. Below 20 the intervals are wrong too often.",
                                validators=[django.core.validators.MinValueValidator(20)],
                                verbose_name="successes before a verdict",
                            ),
                        ),
                        (
                            "minimum_days",
                            models.PositiveSmallIntegerField(
                                default=7,
                                help_text="Weekdays differ: take whole weeks. Harm is acted on earlier.",
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(90),
                                ],
                                verbose_name="days before a verdict",
                            ),
                        ),
                        (
                            "minimum_visitors",
                            models.PositiveIntegerField(
                                default=100,
                                help_text="Of each arm. Harm is acted on earlier, from 100 on.",
                                validators=[django.core.validators.MinValueValidator(100)],
                                verbose_name="visitors before a verdict",
                            ),
                        ),
                        (
                            "time_zone",
                            models.CharField(
                                default=experiments.models.validators.default_time_zone,
                                help_text="Schedules, times on pages and the days of reports are in it. An experiment keeps the zone in which it was started.",
                                max_length=64,
                                validators=[experiments.models.validators.time_zone_validator],
                                verbose_name="time zone",
                            ),
                        ),
                        (
                            "teaches_others",
                            models.BooleanField(
                                blank=True,
                                help_text="The predictor of all sites learns from its past tests and shows their wordings and figures to the others. Unknown: as long as the sites have one owner.",
                                null=True,
                                verbose_name="its tests teach other sites",
                            ),
                        ),
                        (
                            "needs_receipts",
                            models.BooleanField(
                                db_default=False,
                                default=False,
                                help_text="An exposure from a browser counts only with the receipt of the answer that gave the arm. Not for pages that use the GrowthBook payload: it has none.",
                                verbose_name="exposures need receipts",
                            ),
                        ),
                        (
                            "address",
                            models.CharField(
                                blank=True,
                                db_default="",
                                default="",
                                help_text="Where its pages are, such as https://shop.example: previews open there.",
                                max_length=200,
                                verbose_name="address",
                            ),
                        ),
                        (
                            "values_need_server",
                            models.BooleanField(
                                db_default=False,
                                default=False,
                                help_text="A conversion with a value is taken with a server key only. Anybody can read the client key of a page and send values with it, in any currency.",
                                verbose_name="values from servers only",
                            ),
                        ),
                        (
                            "needs_approval",
                            models.BooleanField(
                                db_default=False,
                                default=False,
                                help_text="A test starts only after somebody else than its author has approved it.",
                                verbose_name="a second person approves each test",
                            ),
                        ),
                        (
                            "brand_background_color",
                            models.CharField(
                                db_default="#1d4ed8",
                                default="#1d4ed8",
                                help_text="New CTAs begin with it: the ground of a button, the colour of a link.",
                                max_length=7,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^#[0-9a-fA-F]{6}$", "Write a colour as #rrggbb."
                                    )
                                ],
                                verbose_name="brand colour",
                            ),
                        ),
                        (
                            "brand_text_color",
                            models.CharField(
                                db_default="#ffffff",
                                default="#ffffff",
                                max_length=7,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^#[0-9a-fA-F]{6}$", "Write a colour as #rrggbb."
                                    )
                                ],
                                verbose_name="text on the brand colour",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "site",
                        "verbose_name_plural": "sites",
                        "ordering": ("name",),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("key", ""), _negated=True),
                                name="site_key_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("client_key", ""), _negated=True),
                                name="site_client_key_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("holdout__gte", 0), ("holdout__lte", 0.5)),
                                name="site_holdout_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("minimum_visitors__gte", 100),
                                    ("minimum_conversions__gte", 20),
                                    ("minimum_days__gte", 1),
                                    ("minimum_days__lte", 90),
                                ),
                                name="site_minimum_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("time_zone", ""), _negated=True),
                                name="site_time_zone_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("brand_background_color__regex", "^#[0-9a-fA-F]{6}$"),
                                    ("brand_text_color__regex", "^#[0-9a-fA-F]{6}$"),
                                ),
                                name="site_brand_colours_are_hexadecimal",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ServerKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                help_text="It stands in the history of what the key did.",
                                max_length=200,
                                verbose_name="name",
                            ),
                        ),
                        (
                            "prefix",
                            models.CharField(max_length=12, verbose_name="first characters"),
                        ),
                        (
                            "digest",
                            models.CharField(
                                max_length=64, unique=True, verbose_name="SHA-256 digest"
                            ),
                        ),
                        ("created_at", models.DateTimeField(verbose_name="created")),
                        (
                            "revoked_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="revoked"),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="server_keys",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "created_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="created by",
                            ),
                        ),
                        (
                            "expires_at",
                            models.DateTimeField(
                                blank=True,
                                help_text="Empty: never.",
                                null=True,
                                verbose_name="expires",
                            ),
                        ),
                        (
                            "last_used_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="last used"),
                        ),
                        (
                            "revocation_reason",
                            models.CharField(
                                blank=True,
                                default="",
                                max_length=500,
                                verbose_name="reason of the revocation",
                            ),
                        ),
                        (
                            "scopes",
                            models.JSONField(
                                default=experiments.models.access.all_scopes, verbose_name="scopes"
                            ),
                        ),
                        (
                            "successor",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="predecessor",
                                to="experiments.serverkey",
                                verbose_name="successor",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "server key",
                        "verbose_name_plural": "server keys",
                        "ordering": ("site", "name"),
                    },
                ),
                migrations.CreateModel(
                    name="Namespace",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("key", models.SlugField(verbose_name="key")),
                        (
                            "seed",
                            models.CharField(
                                help_text="Any text; another seed, another shuffle of the visitors.",
                                max_length=200,
                                verbose_name="seed",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="namespaces",
                                to="experiments.site",
                            ),
                        ),
                        (
                            "hash_version",
                            models.PositiveSmallIntegerField(
                                default=2, editable=False, verbose_name="hash version"
                            ),
                        ),
                        (
                            "unit",
                            models.CharField(
                                blank=True,
                                help_text="Attribute whose value is hashed, such as company: everybody with the same value is in the same part. Empty: the visitor. Visitors without it are in no part.",
                                max_length=100,
                                verbose_name="unit",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "namespace",
                        "verbose_name_plural": "namespaces",
                        "ordering": ("key",),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "key"), name="namespace_unique_key"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("key", ""), _negated=True),
                                name="namespace_key_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("seed", ""), _negated=True),
                                name="namespace_seed_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("hash_version", 2)),
                                name="namespace_hash_version_2",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Audience",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("key", models.SlugField(verbose_name="key")),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        (
                            "condition",
                            models.JSONField(
                                blank=True,
                                default=dict,
                                help_text='Over attributes such as locale, device, new_visitor: {"locale": "fr"}.',
                                validators=[experiments.models.validators.condition_validator],
                                verbose_name="condition",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="audiences",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "audience",
                        "verbose_name_plural": "audiences",
                        "ordering": ("name",),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "key"), name="audience_unique_key"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("key", ""), _negated=True),
                                name="audience_key_not_empty",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Tag",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("name", models.CharField(max_length=50, verbose_name="name")),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tags",
                                to="experiments.site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "tag",
                        "verbose_name_plural": "tags",
                        "ordering": ("name",),
                        "constraints": [
                            models.UniqueConstraint(fields=("site", "name"), name="tag_unique_name")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CTA",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                help_text="For your own lists.", max_length=200, verbose_name="name"
                            ),
                        ),
                        (
                            "form",
                            models.CharField(
                                choices=[
                                    ("button", "Button"),
                                    ("link", "Hypertext link"),
                                    ("spoken", "Spoken instruction"),
                                ],
                                default="button",
                                max_length=10,
                                verbose_name="form",
                            ),
                        ),
                        (
                            "destination",
                            models.CharField(
                                blank=True,
                                help_text="Where it leads: an address or a path. Empty: the page keeps its own.",
                                max_length=2000,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^(https?://|mailto:|tel:|sms:|[#?]|/(?![/\\\\]))[^\\s]*$",
                                        "Write an address (https://..., mailto:..., tel:...) or a path (/...), without spaces.",
                                    )
                                ],
                                verbose_name="destination",
                            ),
                        ),
                        (
                            "background_color",
                            models.CharField(
                                default="#1d4ed8",
                                max_length=7,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^#[0-9a-fA-F]{6}$", "Write a colour as #rrggbb."
                                    )
                                ],
                                verbose_name="background colour",
                            ),
                        ),
                        (
                            "text_color",
                            models.CharField(
                                default="#ffffff",
                                max_length=7,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^#[0-9a-fA-F]{6}$", "Write a colour as #rrggbb."
                                    )
                                ],
                                verbose_name="text colour",
                            ),
                        ),
                        (
                            "size",
                            models.CharField(
                                choices=[
                                    ("small", "Small"),
                                    ("medium", "Medium"),
                                    ("large", "Large"),
                                ],
                                default="medium",
                                max_length=10,
                                verbose_name="size",
                            ),
                        ),
                        (
                            "icon",
                            models.CharField(
                                blank=True,
                                help_text="A character shown before the text.",
                                max_length=8,
                                verbose_name="icon",
                            ),
                        ),
                        (
                            "principles",
                            models.JSONField(
                                blank=True,
                                default=experiments.models.validators.empty_list,
                                verbose_name="principles",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="ctas",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "tags",
                            models.ManyToManyField(
                                blank=True, to="experiments.tag", verbose_name="tags"
                            ),
                        ),
                        (
                            "archived_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="archived"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "CTA",
                        "verbose_name_plural": "CTAs",
                        "ordering": ("name",),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "name"), name="cta_unique_name"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("form__in", ("button", "link", "spoken"))),
                                name="cta_form_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("size__in", ("small", "medium", "large"))),
                                name="cta_size_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("background_color__regex", "^#[0-9a-fA-F]{6}$"),
                                    ("text_color__regex", "^#[0-9a-fA-F]{6}$"),
                                ),
                                name="cta_colours_are_hexadecimal",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("destination", ""),
                                    (
                                        "destination__regex",
                                        "^(https?://|mailto:|tel:|sms:|[#?]|/(?![/\\\\]))[^\\s]*$",
                                    ),
                                    _connector="OR",
                                ),
                                name="cta_destination_safe",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Slot",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "key",
                            models.SlugField(
                                help_text='The page names it: data-cta-slot="hero-signup".',
                                verbose_name="key",
                            ),
                        ),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        (
                            "page_pattern",
                            models.CharField(
                                blank=True,
                                help_text="For example /pricing/*",
                                max_length=500,
                                verbose_name="page",
                            ),
                        ),
                        (
                            "position",
                            models.CharField(
                                choices=[
                                    ("above_fold", "Above the fold"),
                                    ("in_text", "In the text"),
                                    ("footer", "Footer"),
                                    ("popup", "Pop-up"),
                                    ("email", "E-mail"),
                                    ("spoken", "Spoken"),
                                ],
                                default="above_fold",
                                max_length=20,
                                verbose_name="position",
                            ),
                        ),
                        (
                            "default_cta",
                            models.ForeignKey(
                                help_text="Shown to everybody who takes part in no experiment.",
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="default_of_slots",
                                to="experiments.cta",
                                verbose_name="default CTA",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="slots",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "slot",
                        "verbose_name_plural": "slots",
                        "ordering": ("name",),
                        "constraints": [
                            models.UniqueConstraint(fields=("site", "key"), name="slot_unique_key"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("key", ""), _negated=True),
                                    models.Q(("key__contains", "/"), _negated=True),
                                ),
                                name="slot_key_safe_in_urls",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "position__in",
                                        (
                                            "above_fold",
                                            "in_text",
                                            "footer",
                                            "popup",
                                            "email",
                                            "spoken",
                                        ),
                                    )
                                ),
                                name="slot_position_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Experiment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("key", models.SlugField(max_length=100, unique=True, verbose_name="key")),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        (
                            "hypothesis",
                            models.TextField(
                                blank=True,
                                help_text="What should change, for whom, and why.",
                                verbose_name="hypothesis",
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("running", "Running"),
                                    ("paused", "Paused"),
                                    ("stopped", "Stopped"),
                                    ("archived", "Archived"),
                                ],
                                default="draft",
                                editable=False,
                                max_length=10,
                                verbose_name="status",
                            ),
                        ),
                        (
                            "primary_metric",
                            models.CharField(
                                choices=[
                                    ("click_rate", "Click rate"),
                                    ("conversion_rate", "Conversion rate"),
                                    ("value_per_visitor", "Value per visitor"),
                                    ("value_per_click", "Value per click"),
                                    ("conversions_per_visitor", "Conversions per visitor"),
                                ],
                                default="click_rate",
                                max_length=30,
                                verbose_name="primary metric",
                            ),
                        ),
                        (
                            "goal",
                            models.CharField(
                                blank=True,
                                help_text="Name of the conversion that counts.",
                                max_length=100,
                                verbose_name="goal",
                            ),
                        ),
                        (
                            "alpha",
                            models.FloatField(
                                default=0.05,
                                validators=[
                                    django.core.validators.MinValueValidator(0.0001),
                                    django.core.validators.MaxValueValidator(0.5),
                                ],
                                verbose_name="significance level",
                            ),
                        ),
                        (
                            "plan",
                            models.CharField(
                                choices=[
                                    ("sequential", "Sequential: look whenever you like"),
                                    ("fixed", "Fixed horizon: one look, at the planned end"),
                                ],
                                default="sequential",
                                max_length=10,
                                verbose_name="plan",
                            ),
                        ),
                        (
                            "planned_visitors",
                            models.PositiveBigIntegerField(
                                blank=True,
                                help_text="All arms together. A fixed plan waits for them; a sequential one is sharpest there.",
                                null=True,
                                verbose_name="planned visitors",
                            ),
                        ),
                        (
                            "coverage",
                            models.DecimalField(
                                decimal_places=4,
                                default=Decimal("1"),
                                help_text="Fraction of the audience that takes part.",
                                max_digits=5,
                                verbose_name="coverage",
                            ),
                        ),
                        (
                            "namespace_start",
                            models.DecimalField(
                                blank=True,
                                decimal_places=4,
                                max_digits=5,
                                null=True,
                                verbose_name="start of its range",
                            ),
                        ),
                        (
                            "namespace_end",
                            models.DecimalField(
                                blank=True,
                                decimal_places=4,
                                max_digits=5,
                                null=True,
                                verbose_name="end of its range",
                            ),
                        ),
                        (
                            "seed",
                            models.CharField(
                                blank=True,
                                help_text="Empty: the experiment's key.",
                                max_length=200,
                                verbose_name="seed",
                            ),
                        ),
                        (
                            "hash_version",
                            models.PositiveSmallIntegerField(
                                default=2, editable=False, verbose_name="hash version"
                            ),
                        ),
                        (
                            "origin",
                            models.CharField(
                                choices=[
                                    ("live", "Measured by this service"),
                                    ("imported", "Imported figures"),
                                ],
                                default="live",
                                editable=False,
                                max_length=10,
                                verbose_name="origin",
                            ),
                        ),
                        (
                            "source",
                            models.TextField(
                                blank=True,
                                help_text="Where the figures are from.",
                                verbose_name="source",
                            ),
                        ),
                        (
                            "started_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="started"
                            ),
                        ),
                        (
                            "stopped_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="stopped"
                            ),
                        ),
                        (
                            "audience",
                            models.ForeignKey(
                                blank=True,
                                help_text="Empty: every visitor.",
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="experiments",
                                to="experiments.audience",
                                verbose_name="audience",
                            ),
                        ),
                        (
                            "namespace",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="experiments",
                                to="experiments.namespace",
                                verbose_name="namespace",
                            ),
                        ),
                        (
                            "slot",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="experiments",
                                to="experiments.slot",
                                verbose_name="slot",
                            ),
                        ),
                        (
                            "ends_at",
                            models.DateTimeField(
                                blank=True,
                                help_text="It stops by itself at this time. Empty: by hand.",
                                null=True,
                                verbose_name="planned end",
                            ),
                        ),
                        (
                            "rollback_reason",
                            models.TextField(
                                blank=True,
                                default="",
                                editable=False,
                                verbose_name="reason of the roll-back",
                            ),
                        ),
                        (
                            "rolled_back_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="rolled back"
                            ),
                        ),
                        (
                            "rolls_back",
                            models.BooleanField(
                                default=True,
                                help_text="Take a harmed arm out as soon as a guardrail shows it; show everybody the default CTA if no other arm is left or the visitors do not split as the shares say. Can be undone.",
                                verbose_name="roll back on an alarm",
                            ),
                        ),
                        (
                            "starts_at",
                            models.DateTimeField(
                                blank=True,
                                help_text="A draft that is ready starts by itself at this time. Empty: by hand.",
                                null=True,
                                verbose_name="planned start",
                            ),
                        ),
                        (
                            "conversion_window_hours",
                            models.PositiveSmallIntegerField(
                                default=72,
                                help_text="Hours after a visitor's first exposure in which conversions count.",
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(720),
                                ],
                                verbose_name="conversion window",
                            ),
                        ),
                        (
                            "strict_guardrails",
                            models.BooleanField(
                                default=False,
                                help_text="Name no winner before a loss beyond the margin is excluded on every guardrail, which takes many more visitors. Otherwise a winner is named with the loss that is not excluded.",
                                verbose_name="strict guardrails",
                            ),
                        ),
                        (
                            "planned_visitors_basis",
                            models.JSONField(
                                blank=True,
                                editable=False,
                                null=True,
                                verbose_name="basis of the planned visitors",
                            ),
                        ),
                        (
                            "ends_when_planned",
                            models.BooleanField(
                                default=False,
                                help_text="It stops by itself at night, once the planned visitors are in and the site's days before a verdict are over.",
                                verbose_name="end when the plan is reached",
                            ),
                        ),
                        (
                            "value_cap",
                            models.DecimalField(
                                blank=True,
                                decimal_places=2,
                                help_text="What a visitor is worth above it counts as this much. Empty: no cap.",
                                max_digits=14,
                                null=True,
                                verbose_name="cap of the values",
                            ),
                        ),
                        (
                            "days_in",
                            models.CharField(
                                blank=True,
                                db_default="",
                                default="",
                                editable=False,
                                max_length=64,
                                validators=[experiments.models.validators.time_zone_validator],
                                verbose_name="time zone of its days",
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="responsible",
                            ),
                        ),
                        (
                            "tags",
                            models.ManyToManyField(
                                blank=True,
                                related_name="experiments",
                                to="experiments.tag",
                                verbose_name="tags",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "experiment",
                        "verbose_name_plural": "experiments",
                        "ordering": ("-started_at", "key"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("key", ""), _negated=True),
                                name="experiment_key_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("hash_version", 2)),
                                name="experiment_hash_version_2",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "status__in",
                                        ("draft", "running", "paused", "stopped", "archived"),
                                    )
                                ),
                                name="experiment_status_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("origin__in", ("live", "imported"))),
                                name="experiment_origin_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("status", "draft"),
                                    ("started_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="experiment_started_unless_draft",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("status__in", ("draft", "running", "paused")),
                                        ("stopped_at__isnull", True),
                                    ),
                                    models.Q(
                                        ("status__in", ("stopped", "archived")),
                                        ("stopped_at__gte", models.F("started_at")),
                                        ("stopped_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_stopped_has_end",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("coverage__gt", 0), ("coverage__lte", 1)),
                                name="experiment_coverage_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("alpha__gt", 0), ("alpha__lte", 0.5)),
                                name="experiment_alpha_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("plan", "sequential"),
                                    models.Q(
                                        ("plan", "fixed"),
                                        ("planned_visitors__gt", 0),
                                        ("planned_visitors__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_fixed_plan_has_visitors",
                                violation_error_message="A fixed horizon needs a number of visitors.",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("primary_metric", "click_rate"),
                                    models.Q(("goal", ""), _negated=True),
                                    _connector="OR",
                                ),
                                name="experiment_goal_for_conversions",
                                violation_error_message="This metric needs a goal.",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("namespace__isnull", True),
                                        ("namespace_end__isnull", True),
                                        ("namespace_start__isnull", True),
                                    ),
                                    models.Q(
                                        ("namespace__isnull", False),
                                        ("namespace_end__isnull", False),
                                        ("namespace_end__lte", 1),
                                        ("namespace_start__gte", 0),
                                        ("namespace_start__isnull", False),
                                        ("namespace_start__lt", models.F("namespace_end")),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_namespace_range",
                                violation_error_message="A namespace needs a range inside 0 to 1.",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("namespace__isnull", True),
                                    ("status__in", ("running", "paused")),
                                ),
                                fields=("slot", "audience"),
                                name="experiment_one_running_a_slot_and_audience",
                                violation_error_message="This slot and audience already have an experiment.",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("audience__isnull", True),
                                    ("namespace__isnull", True),
                                    ("status__in", ("running", "paused")),
                                ),
                                fields=("slot",),
                                name="experiment_one_running_a_slot_for_everybody",
                                violation_error_message="This slot already has an experiment for everybody.",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("starts_at__isnull", True),
                                    ("ends_at__isnull", True),
                                    ("ends_at__gt", models.F("starts_at")),
                                    _connector="OR",
                                ),
                                name="experiment_ends_after_start",
                                violation_error_message="The planned end must come after the planned start.",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("rollback_reason", ""), ("rolled_back_at__isnull", True)
                                    ),
                                    models.Q(
                                        ("rolled_back_at__isnull", False),
                                        ("status__in", ("paused", "stopped", "archived")),
                                        models.Q(("rollback_reason", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_rolled_back_with_reason",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("conversion_window_hours__gte", 1),
                                    ("conversion_window_hours__lte", 720),
                                ),
                                name="experiment_conversion_window_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("primary_metric", "click_rate"),
                                    (
                                        "primary_metric__in",
                                        (
                                            "conversion_rate",
                                            "value_per_visitor",
                                            "value_per_click",
                                            "conversions_per_visitor",
                                        ),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_metric_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("value_cap__isnull", True),
                                    models.Q(
                                        (
                                            "primary_metric__in",
                                            ("value_per_visitor", "value_per_click"),
                                        ),
                                        ("value_cap__gt", 0),
                                        ("value_cap__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="experiment_value_cap_fits",
                                violation_error_message="A cap is above 0, and for metrics of values only.",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Variant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "arm",
                            models.PositiveSmallIntegerField(
                                help_text="0 is the control.", verbose_name="arm"
                            ),
                        ),
                        ("key", models.SlugField(verbose_name="key")),
                        (
                            "share",
                            models.DecimalField(
                                decimal_places=4,
                                help_text="Fraction of the visitors. All shares sum to 1.",
                                max_digits=5,
                                verbose_name="share",
                            ),
                        ),
                        (
                            "cta",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="variants",
                                to="experiments.cta",
                                verbose_name="CTA",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="variants",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "rolled_back_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="rolled back"
                            ),
                        ),
                        (
                            "rollback_reason",
                            models.TextField(
                                blank=True,
                                default="",
                                editable=False,
                                verbose_name="reason of the roll-back",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "variant",
                        "verbose_name_plural": "variants",
                        "ordering": ("experiment", "arm"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "arm"), name="variant_unique_arm"
                            ),
                            models.UniqueConstraint(
                                fields=("experiment", "key"), name="variant_unique_key"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("key", ""), _negated=True),
                                    models.Q(("key", "default"), _negated=True),
                                ),
                                name="variant_key_usable",
                                violation_error_message="Give it a key; “default” is what visitors outside the experiment get.",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("share__gte", 0), ("share__lte", 1)),
                                name="variant_share_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("rollback_reason", ""), ("rolled_back_at__isnull", True)
                                    ),
                                    models.Q(
                                        ("rolled_back_at__isnull", False),
                                        ("share", 0),
                                        models.Q(("rollback_reason", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="variant_rolled_back_without_share",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Rollup",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("day", models.DateField(verbose_name="day")),
                        (
                            "segment",
                            models.CharField(
                                blank=True,
                                help_text="Empty: everybody. Else such as device=mobile.",
                                max_length=40,
                                verbose_name="segment",
                            ),
                        ),
                        ("visitors", models.BigIntegerField(default=0, verbose_name="visitors")),
                        (
                            "clicking_visitors",
                            models.BigIntegerField(default=0, verbose_name="clicking visitors"),
                        ),
                        (
                            "converting_visitors",
                            models.BigIntegerField(default=0, verbose_name="converting visitors"),
                        ),
                        (
                            "value_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of values"
                            ),
                        ),
                        (
                            "value_sum_squares",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of squared values"
                            ),
                        ),
                        (
                            "covariate_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0,
                                help_text="The primary metric in the 14 days before the first exposure.",
                                verbose_name="sum of covariates",
                            ),
                        ),
                        (
                            "covariate_sum_squares",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of squared covariates"
                            ),
                        ),
                        (
                            "covariate_product_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0,
                                help_text="Of the primary metric.",
                                verbose_name="sum of covariate times outcome",
                            ),
                        ),
                        (
                            "quarantined_visitors",
                            models.BigIntegerField(
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors who saw several arms",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rollups",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rollups",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "bot_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="bots",
                            ),
                        ),
                        (
                            "impossible_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors who clicked before they saw it",
                            ),
                        ),
                        (
                            "internal_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="internal visitors",
                            ),
                        ),
                        (
                            "prefetched_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors with pre-fetched exposures only",
                            ),
                        ),
                        (
                            "phase",
                            models.PositiveSmallIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Number of the phase of the shares.",
                                verbose_name="phase",
                            ),
                        ),
                        (
                            "click_sum",
                            models.BigIntegerField(db_default=0, default=0, verbose_name="clicks"),
                        ),
                        (
                            "click_sum_squares",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                verbose_name="sum of squared clicks of a visitor",
                            ),
                        ),
                        (
                            "conversion_sum",
                            models.BigIntegerField(
                                db_default=0, default=0, verbose_name="conversions"
                            ),
                        ),
                        (
                            "conversion_sum_squares",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                verbose_name="sum of squared conversions of a visitor",
                            ),
                        ),
                        (
                            "covariate_click_product_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of covariate times clicks"
                            ),
                        ),
                        (
                            "value_click_product_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of value times clicks"
                            ),
                        ),
                        (
                            "unexplained_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors with an arm that nobody gave them",
                            ),
                        ),
                        (
                            "burst_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors of a burst of few senders",
                            ),
                        ),
                        (
                            "capped_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                verbose_name="visitors with values above the cap",
                            ),
                        ),
                        (
                            "repeated_orders",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="repeated orders",
                            ),
                        ),
                        (
                            "late_visitors",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Left out of the analysis.",
                                verbose_name="visitors who were too slow to take part",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "rollup",
                        "verbose_name_plural": "rollups",
                        "ordering": ("experiment", "segment", "day", "phase", "variant"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "segment", "variant", "day", "phase"),
                                name="rollup_one_a_day_phase_arm_and_segment",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("clicking_visitors__gte", 0),
                                    ("converting_visitors__gte", 0),
                                    ("quarantined_visitors__gte", 0),
                                    ("bot_visitors__gte", 0),
                                    ("internal_visitors__gte", 0),
                                    ("prefetched_visitors__gte", 0),
                                    ("impossible_visitors__gte", 0),
                                    ("unexplained_visitors__gte", 0),
                                    ("burst_visitors__gte", 0),
                                    ("late_visitors__gte", 0),
                                    ("clicking_visitors__lte", models.F("visitors")),
                                    ("converting_visitors__lte", models.F("visitors")),
                                    ("click_sum__gte", 0),
                                    ("conversion_sum__gte", 0),
                                    ("repeated_orders__gte", 0),
                                ),
                                name="rollup_counts_possible",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="GoalRollup",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("day", models.DateField(verbose_name="day")),
                        ("goal", models.CharField(max_length=100, verbose_name="goal")),
                        (
                            "converting_visitors",
                            models.BigIntegerField(default=0, verbose_name="converting visitors"),
                        ),
                        (
                            "value_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of values"
                            ),
                        ),
                        (
                            "value_sum_squares",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of squared values"
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="goal_rollups",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "phase",
                            models.PositiveSmallIntegerField(
                                db_default=0, default=0, verbose_name="phase"
                            ),
                        ),
                        (
                            "conversion_sum",
                            models.BigIntegerField(
                                db_default=0, default=0, verbose_name="conversions"
                            ),
                        ),
                        (
                            "conversion_sum_squares",
                            models.BigIntegerField(
                                db_default=0,
                                default=0,
                                verbose_name="sum of squared conversions of a visitor",
                            ),
                        ),
                        (
                            "value_click_product_sum",
                            experiments.models.fields.ExactDecimalField(
                                default=0, verbose_name="sum of value times clicks"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "rollup of a goal",
                        "verbose_name_plural": "rollups of goals",
                        "ordering": ("experiment", "goal", "day", "phase", "variant"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "goal", "variant", "day", "phase"),
                                name="goal_rollup_one_a_day_phase_arm_and_goal",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("converting_visitors__gte", 0),
                                    ("conversion_sum__gte", 0),
                                    models.Q(("goal", ""), _negated=True),
                                ),
                                name="goal_rollup_counts_possible",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="VisitorOutcome",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("visitor", models.CharField(max_length=200)),
                        (
                            "day",
                            models.DateField(
                                help_text="Day of the first exposure, in the experiment's zone."
                            ),
                        ),
                        ("has_clicked", models.BooleanField()),
                        ("has_converted", models.BooleanField()),
                        (
                            "value",
                            experiments.models.fields.ExactDecimalField(
                                help_text="As it was paid: sums count it up to the cap."
                            ),
                        ),
                        (
                            "covariate",
                            experiments.models.fields.ExactDecimalField(
                                default=0,
                                help_text="The primary metric in the 14 days before the first exposure.",
                            ),
                        ),
                        (
                            "goals",
                            models.JSONField(
                                default=dict,
                                help_text="Goals of guardrails that were reached, each with its value.",
                            ),
                        ),
                        (
                            "segments",
                            models.TextField(
                                blank=True,
                                help_text="By the first exposure, such as “device=mobile locale=fr”.",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="outcomes",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "exclusion",
                            models.PositiveSmallIntegerField(
                                choices=[
                                    (0, "counted"),
                                    (1, "bots"),
                                    (2, "internal traffic"),
                                    (3, "saw several arms"),
                                    (4, "only pre-fetched"),
                                    (5, "clicked before they saw it"),
                                    (6, "arm that nobody gave them"),
                                    (7, "burst of few senders"),
                                    (8, "too slow to take part"),
                                ],
                                db_default=0,
                                default=0,
                            ),
                        ),
                        (
                            "is_settled",
                            models.BooleanField(
                                db_default=False,
                                default=False,
                                help_text="Rests on events that were dropped: stays.",
                            ),
                        ),
                        (
                            "phase",
                            models.PositiveSmallIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Number of the phase of the first exposure.",
                            ),
                        ),
                        (
                            "currencies",
                            models.JSONField(
                                default=dict,
                                help_text="Conversions with a value, by currency and goal: {“EUR order”: 2}. Only goals whose values are a metric; the currency may be empty.",
                            ),
                        ),
                        (
                            "clicks",
                            models.PositiveIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Clicks in the conversion window.",
                            ),
                        ),
                        (
                            "conversions",
                            models.PositiveIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Conversions to the goal in the conversion window.",
                            ),
                        ),
                        (
                            "goal_conversions",
                            models.JSONField(
                                default=dict,
                                help_text="The same goals, each with the number of conversions.",
                            ),
                        ),
                        (
                            "repeated_orders",
                            models.PositiveIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Conversions left out as repeats of an order.",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "visitor"), name="outcome_one_a_visitor"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CTAWording",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "locale",
                            models.CharField(
                                max_length=35,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
                                        "Write a language tag such as fr or fr-CA.",
                                    )
                                ],
                                verbose_name="language",
                            ),
                        ),
                        ("text", models.CharField(max_length=200, verbose_name="wording")),
                        (
                            "cta",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="wordings",
                                to="experiments.cta",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "wording",
                        "verbose_name_plural": "wordings",
                        "ordering": ("locale",),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("cta", "locale"), name="wording_one_a_locale"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("text", ""), _negated=True),
                                name="wording_not_empty",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Guardrail",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "metric",
                            models.CharField(
                                choices=[
                                    ("click_rate", "Click rate"),
                                    ("conversion_rate", "Conversion rate"),
                                    ("value_per_visitor", "Value per visitor"),
                                    ("value_per_click", "Value per click"),
                                    ("conversions_per_visitor", "Conversions per visitor"),
                                ],
                                max_length=30,
                                verbose_name="metric",
                            ),
                        ),
                        (
                            "goal",
                            models.CharField(
                                blank=True,
                                help_text="Name of the conversion that counts.",
                                max_length=100,
                                verbose_name="goal",
                            ),
                        ),
                        (
                            "margin",
                            models.FloatField(
                                default=0.02,
                                help_text="Loss that is tolerated, relative to the control: 0.02 is 2%.",
                                validators=[
                                    django.core.validators.MinValueValidator(0.0),
                                    django.core.validators.MaxValueValidator(1.0),
                                ],
                                verbose_name="margin",
                            ),
                        ),
                        (
                            "higher_is_better",
                            models.BooleanField(default=True, verbose_name="higher is better"),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="guardrails",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "guardrail",
                        "verbose_name_plural": "guardrails",
                        "ordering": ("experiment", "metric", "goal"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "metric", "goal"),
                                name="guardrail_one_a_metric_and_goal",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("margin__gte", 0), ("margin__lte", 1)),
                                name="guardrail_margin_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("goal", ""), ("metric", "click_rate")),
                                    models.Q(
                                        (
                                            "metric__in",
                                            (
                                                "conversion_rate",
                                                "value_per_visitor",
                                                "value_per_click",
                                                "conversions_per_visitor",
                                            ),
                                        ),
                                        models.Q(("goal", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="guardrail_metric_known_and_goal_fits",
                                violation_error_message="A rate of clicks has no goal; other metrics need one.",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Job",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("training", "Training of the predictor"),
                                    ("ranking", "Ranking of wordings"),
                                    ("import", "Import of a file"),
                                ],
                                max_length=10,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("queued", "Waiting"),
                                    ("running", "Running"),
                                    ("done", "Done"),
                                    ("failed", "Failed"),
                                    ("cancelled", "Stopped"),
                                ],
                                default="queued",
                                max_length=10,
                                verbose_name="status",
                            ),
                        ),
                        ("progress", models.FloatField(default=0.0, verbose_name="progress")),
                        ("message", models.TextField(blank=True, verbose_name="message")),
                        ("request", models.JSONField(default=dict, verbose_name="request")),
                        ("result", models.JSONField(null=True, verbose_name="result")),
                        (
                            "language",
                            models.CharField(
                                help_text="Of the person who waits for it.",
                                max_length=10,
                                verbose_name="language",
                            ),
                        ),
                        ("created_at", models.DateTimeField(verbose_name="created")),
                        ("heartbeat_at", models.DateTimeField(verbose_name="last sign of life")),
                        ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                        (
                            "created_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="created by",
                            ),
                        ),
                        (
                            "attempt",
                            models.PositiveSmallIntegerField(
                                default=0,
                                help_text="More than 1: a worker was killed.",
                                verbose_name="attempt",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                help_text="Empty: of the whole installation, or a ranking for no site yet.",
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="jobs",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "job",
                        "verbose_name_plural": "jobs",
                        "ordering": ("-created_at",),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("progress__gte", 0), ("progress__lte", 1)),
                                name="job_progress_range",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("kind", "training"), ("status__in", ("queued", "running"))
                                ),
                                fields=("kind",),
                                name="job_one_training_at_a_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Change",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("at", models.DateTimeField(verbose_name="when")),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("start", "Started"),
                                    ("pause", "Paused"),
                                    ("resume", "Resumed"),
                                    ("stop", "Stopped"),
                                    ("archive", "Archived"),
                                    ("shares", "Shares changed"),
                                    ("ramp", "Step of the ramp"),
                                    ("rollback", "Rolled back"),
                                    ("undo", "Roll-back undone"),
                                    ("arm_off", "Arm rolled back"),
                                    ("arm_on", "Roll-back of an arm undone"),
                                    ("schedule", "Schedule"),
                                    ("guard_on", "Rolls back on an alarm"),
                                    ("guard_off", "Does not roll back on an alarm"),
                                    ("proven", "Difference proven"),
                                    ("days", "Days of another time zone"),
                                    ("decide", "Decision"),
                                    ("promote", "Shown to everybody"),
                                    ("unpromote", "Former default restored"),
                                    ("ask", "Approval asked for"),
                                    ("approve", "Approved"),
                                    ("decline", "Approval declined"),
                                    ("withdraw", "Request for approval withdrawn"),
                                    ("freeze", "Report frozen"),
                                    ("share", "Share link made"),
                                    ("unshare", "Share link revoked"),
                                    ("annotate", "Annotated"),
                                    ("unannotate", "Annotation removed"),
                                ],
                                max_length=10,
                                verbose_name="what",
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        (
                            "author",
                            models.ForeignKey(
                                help_text="Empty: the service itself, or a server with its key.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="changes",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "server_key",
                            models.CharField(
                                blank=True,
                                default="",
                                help_text="Name and first characters of the key that acted.",
                                max_length=250,
                                verbose_name="server key",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "change",
                        "verbose_name_plural": "changes",
                        "ordering": ("-at", "-pk"),
                    },
                ),
                migrations.CreateModel(
                    name="Phase",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                        ("started_at", models.DateTimeField(verbose_name="started")),
                        (
                            "shares",
                            models.JSONField(
                                help_text="Numbers that sum to 1, by arm.", verbose_name="shares"
                            ),
                        ),
                        (
                            "coverage",
                            models.DecimalField(
                                decimal_places=4, max_digits=5, verbose_name="coverage"
                            ),
                        ),
                        (
                            "slices",
                            models.JSONField(
                                help_text="Buckets of 0.01%: [first, end, arm], in order, end exclusive.",
                                verbose_name="slices",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="phases",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "phase",
                        "verbose_name_plural": "phases",
                        "ordering": ("experiment", "number"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "number"), name="phase_unique_number"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("coverage__gt", 0), ("coverage__lte", 1)),
                                name="phase_coverage_range",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RampStep",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField(verbose_name="step")),
                        (
                            "coverage",
                            models.DecimalField(
                                decimal_places=4,
                                help_text="Fraction of the audience that takes part.",
                                max_digits=5,
                                verbose_name="coverage",
                            ),
                        ),
                        (
                            "hold_hours",
                            models.DecimalField(
                                decimal_places=2,
                                default=Decimal("24"),
                                help_text="How long to stay before the next step. The last step stays.",
                                max_digits=6,
                                validators=[
                                    django.core.validators.MinValueValidator(Decimal("0.02")),
                                    django.core.validators.MaxValueValidator(Decimal("2160")),
                                ],
                                verbose_name="hours",
                            ),
                        ),
                        (
                            "reached_at",
                            models.DateTimeField(
                                blank=True, editable=False, null=True, verbose_name="reached"
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="ramp",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "step of the ramp",
                        "verbose_name_plural": "ramp",
                        "ordering": ("experiment", "number"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "number"), name="ramp_unique_number"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("coverage__gt", 0), ("coverage__lte", 1)),
                                name="ramp_coverage_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("hold_hours__gt", 0)),
                                name="ramp_hours_positive",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PendingBatch",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("n_events", models.PositiveIntegerField()),
                        ("stored_at", models.DateTimeField()),
                    ],
                    options={},
                ),
                CreatePartitionedModel(
                    name="Event",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "event_id",
                                "site_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("event_id", models.UUIDField(verbose_name="event id")),
                        (
                            "site",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="events",
                                to="experiments.site",
                            ),
                        ),
                        (
                            "type",
                            models.CharField(
                                choices=[
                                    ("exposure", "Exposure"),
                                    ("click", "Click"),
                                    ("conversion", "Conversion"),
                                ],
                                max_length=10,
                                verbose_name="type",
                            ),
                        ),
                        ("visitor", models.CharField(max_length=200, verbose_name="visitor")),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="experiments.variant",
                            ),
                        ),
                        ("propensity", models.FloatField(null=True, verbose_name="propensity")),
                        ("goal", models.CharField(blank=True, max_length=100, verbose_name="goal")),
                        (
                            "value",
                            experiments.models.fields.ExactDecimalField(
                                null=True, verbose_name="value"
                            ),
                        ),
                        (
                            "currency",
                            models.CharField(blank=True, max_length=3, verbose_name="currency"),
                        ),
                        (
                            "attributes",
                            models.JSONField(
                                blank=True,
                                default=dict,
                                help_text="Of an exposure: device, locale, country, new_visitor, where known.",
                                verbose_name="attributes",
                            ),
                        ),
                        ("occurred_at", models.DateTimeField(verbose_name="occurred")),
                        ("received_at", models.DateTimeField(verbose_name="received")),
                        (
                            "flags",
                            models.PositiveSmallIntegerField(
                                db_default=0,
                                default=0,
                                help_text="Bits: 1 sent by a bot, 2 internal traffic, 4 pre-fetched and not yet seen, 8 of an arm that the visitor cannot have been given, 16 in a burst of few senders, 32 of an order that is counted already, 64 by a visitor held out, 128 of an arm that came too late to be shown.",
                                verbose_name="flags",
                            ),
                        ),
                        (
                            "batch",
                            models.BigIntegerField(help_text="The transaction that stored it."),
                        ),
                        (
                            "sender",
                            models.SmallIntegerField(
                                help_text="One of 512, of a page's address; dealt anew each day. It names nobody.",
                                null=True,
                                verbose_name="group of the sender",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "event",
                        "verbose_name_plural": "events",
                        "indexes": [
                            models.Index(fields=["batch"], name="event_by_batch"),
                            models.Index(fields=["site", "visitor"], name="event_by_visitor"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("visitor", ""), _negated=True),
                                name="event_visitor_not_empty",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("experiment__isnull", False),
                                        ("type__in", ("exposure", "click")),
                                        ("variant__isnull", False),
                                    ),
                                    models.Q(
                                        ("type", "conversion"),
                                        models.Q(("goal", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="event_has_what_its_type_needs",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CacheWatch",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("checked_until", models.DateTimeField(verbose_name="checked until")),
                        (
                            "evidence",
                            models.FloatField(
                                default=0.0, help_text="Natural logarithm.", verbose_name="evidence"
                            ),
                        ),
                        ("alarmed_at", models.DateTimeField(null=True, verbose_name="alarm")),
                        (
                            "fraction",
                            models.FloatField(null=True, verbose_name="part of the visitors"),
                        ),
                        (
                            "visitors",
                            models.PositiveBigIntegerField(
                                default=0, verbose_name="new visitors in the hour of the alarm"
                            ),
                        ),
                        (
                            "in_arm",
                            models.PositiveBigIntegerField(
                                default=0, verbose_name="of these in the frozen arm"
                            ),
                        ),
                        (
                            "arm",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                                verbose_name="frozen arm",
                            ),
                        ),
                        (
                            "experiment",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="cache_watch",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "watch over caches",
                        "verbose_name_plural": "watches over caches",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("alarmed_at__isnull", True),
                                    ("arm__isnull", False),
                                    _connector="OR",
                                ),
                                name="cache_alarm_names_the_arm",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EventDrop",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("before", models.DateField()),
                        ("dropped_at", models.DateTimeField()),
                        ("n_events", models.PositiveBigIntegerField()),
                    ],
                    options={
                        "ordering": ("-before",),
                    },
                ),
                migrations.CreateModel(
                    name="ErasedVisitor",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "digest",
                            models.CharField(help_text="Keyed hash of the visitor.", max_length=64),
                        ),
                        ("erased_at", models.DateTimeField()),
                        ("n_events", models.PositiveBigIntegerField(default=0)),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="erased_visitors",
                                to="experiments.site",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "digest"), name="erased_visitor_once_a_site"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="VisitorDay",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "site_id",
                                "visitor_hash",
                                "day",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.site",
                            ),
                        ),
                        ("visitor_hash", models.BigIntegerField()),
                        ("day", models.DateField()),
                    ],
                    options={},
                ),
                migrations.CreateModel(
                    name="RollupCheck",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "experiment",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="rollup_check",
                                to="experiments.experiment",
                            ),
                        ),
                        ("checked_at", models.DateTimeField(verbose_name="checked")),
                        (
                            "n_differing",
                            models.PositiveIntegerField(default=0, verbose_name="rows that differ"),
                        ),
                    ],
                    options={
                        "verbose_name": "check of rollups",
                        "verbose_name_plural": "checks of rollups",
                    },
                ),
                migrations.CreateModel(
                    name="SecondaryMetric",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "metric",
                            models.CharField(
                                choices=[
                                    ("click_rate", "Click rate"),
                                    ("conversion_rate", "Conversion rate"),
                                    ("value_per_visitor", "Value per visitor"),
                                    ("value_per_click", "Value per click"),
                                    ("conversions_per_visitor", "Conversions per visitor"),
                                ],
                                max_length=30,
                                verbose_name="metric",
                            ),
                        ),
                        (
                            "goal",
                            models.CharField(
                                blank=True,
                                help_text="Name of the conversion that counts.",
                                max_length=100,
                                verbose_name="goal",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="secondary_metrics",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "secondary metric",
                        "verbose_name_plural": "secondary metrics",
                        "ordering": ("experiment", "metric", "goal"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "metric", "goal"),
                                name="secondary_metric_one_a_metric_and_goal",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("goal", ""), ("metric", "click_rate")),
                                    models.Q(
                                        (
                                            "metric__in",
                                            (
                                                "conversion_rate",
                                                "value_per_visitor",
                                                "value_per_click",
                                                "conversions_per_visitor",
                                            ),
                                        ),
                                        models.Q(("goal", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="secondary_metric_known_and_goal_fits",
                                violation_error_message="A rate of clicks has no goal; other metrics need one.",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Interaction",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "factor",
                            models.FloatField(
                                help_text="Of the ratio of rates in the other arm, over its control.",
                                verbose_name="factor",
                            ),
                        ),
                        (
                            "p_value",
                            models.FloatField(
                                help_text="Adjusted for all tests of the site.",
                                verbose_name="p-value",
                            ),
                        ),
                        (
                            "visitors",
                            models.BigIntegerField(
                                help_text="Of both experiments.", verbose_name="visitors"
                            ),
                        ),
                        ("checked_at", models.DateTimeField(verbose_name="checked")),
                        (
                            "arm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="interactions",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "other_arm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "interaction",
                        "verbose_name_plural": "interactions",
                        "ordering": ("p_value", "pk"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "arm", "other_arm"),
                                name="interaction_one_a_pair_of_arms",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("p_value__gte", 0), ("p_value__lte", 1), ("factor__gt", 0)
                                ),
                                name="interaction_figures_possible",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CurrencyRollup",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("day", models.DateField(verbose_name="day")),
                        (
                            "phase",
                            models.PositiveSmallIntegerField(default=0, verbose_name="phase"),
                        ),
                        ("goal", models.CharField(max_length=100, verbose_name="goal")),
                        (
                            "currency",
                            models.CharField(blank=True, max_length=3, verbose_name="currency"),
                        ),
                        (
                            "conversions",
                            models.BigIntegerField(default=0, verbose_name="conversions"),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="currency_rollups",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "rollup of a currency",
                        "verbose_name_plural": "rollups of currencies",
                        "ordering": ("experiment", "goal", "currency", "day", "phase", "variant"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=(
                                    "experiment",
                                    "goal",
                                    "currency",
                                    "variant",
                                    "day",
                                    "phase",
                                ),
                                name="currency_rollup_one_a_day_phase_arm_goal_and_currency",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("conversions__gte", 0), models.Q(("goal", ""), _negated=True)
                                ),
                                name="currency_rollup_counts_possible",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("viewer", "Viewer: reads everything"),
                                    ("analyst", "Analyst: also ranks wordings and trains"),
                                    ("marketer", "Marketer: also edits and runs experiments"),
                                    ("owner", "Owner: also keys, people, settings and erasure"),
                                ],
                                max_length=10,
                                verbose_name="role",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "membership",
                        "verbose_name_plural": "memberships",
                        "ordering": ("site", "user"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("user", "site"), name="membership_one_role_a_site"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("role__in", ("viewer", "analyst", "marketer", "owner"))
                                ),
                                name="membership_role_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AccessRecord",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("at", models.DateTimeField(verbose_name="when")),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("key_made", "Server key made"),
                                    ("key_rotated", "Server key rotated"),
                                    ("key_revoked", "Server key revoked"),
                                    ("key_deleted", "Server key deleted"),
                                    ("client_rotated", "Client key rotated"),
                                    ("client_ended", "Former client key ended"),
                                    ("erased", "Visitor erased"),
                                    ("exported", "Visitor exported"),
                                ],
                                max_length=20,
                                verbose_name="what",
                            ),
                        ),
                        (
                            "key",
                            models.CharField(
                                blank=True,
                                help_text="Name and first characters; never a secret.",
                                max_length=250,
                                verbose_name="key",
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        (
                            "author",
                            models.ForeignKey(
                                help_text="Empty: a server with its key, or the command line.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="access_records",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "access record",
                        "verbose_name_plural": "history of access",
                        "ordering": ("-at", "-pk"),
                    },
                ),
                migrations.CreateModel(
                    name="FormerClientKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "key",
                            models.CharField(
                                max_length=100, unique=True, verbose_name="client key"
                            ),
                        ),
                        ("replaced_at", models.DateTimeField(verbose_name="replaced")),
                        ("expires_at", models.DateTimeField(verbose_name="expires")),
                        (
                            "last_used_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="last used"),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="former_client_keys",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "former client key",
                        "verbose_name_plural": "former client keys",
                        "ordering": ("site", "-replaced_at"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("key", ""), _negated=True),
                                name="former_client_key_not_empty",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BackupRecord",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("made_at", models.DateTimeField()),
                        (
                            "place",
                            models.CharField(help_text="Machine and folder.", max_length=500),
                        ),
                        ("n_bytes", models.PositiveBigIntegerField()),
                    ],
                    options={
                        "ordering": ("-made_at",),
                    },
                ),
                migrations.CreateModel(
                    name="SecretDigest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("first_used_at", models.DateTimeField()),
                    ],
                    options={
                        "ordering": ("pk",),
                    },
                ),
                migrations.CreateModel(
                    name="Burst",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("day", models.DateField(verbose_name="day")),
                        ("first_at", models.DateTimeField(verbose_name="first")),
                        ("last_at", models.DateTimeField(verbose_name="last")),
                        ("n_senders", models.PositiveSmallIntegerField(verbose_name="senders")),
                        ("visitors", models.PositiveIntegerField(verbose_name="visitors")),
                        (
                            "all_visitors",
                            models.PositiveIntegerField(verbose_name="all new visitors of the day"),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="bursts",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "burst",
                        "verbose_name_plural": "bursts",
                        "ordering": ("-day",),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "day"), name="burst_one_a_day"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SenderCount",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "slot",
                            models.DateTimeField(help_text="Beginning of the quarter of an hour."),
                        ),
                        ("sender", models.SmallIntegerField(help_text="Group; -1: unknown.")),
                        ("phase", models.PositiveSmallIntegerField(default=0)),
                        ("visitors", models.PositiveIntegerField(default=0)),
                        ("first_at", models.DateTimeField()),
                        ("last_at", models.DateTimeField()),
                        (
                            "first_batch",
                            models.BigIntegerField(
                                help_text="Transactions that stored the events."
                            ),
                        ),
                        ("last_batch", models.BigIntegerField()),
                        ("is_burst", models.BooleanField(default=False)),
                        (
                            "experiment",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="sender_counts",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "variant",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("experiment", "slot", "sender", "variant", "phase"),
                                name="sender_count_one_a_slot_sender_arm_and_phase",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TaskRun",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(max_length=100, unique=True, verbose_name="task"),
                        ),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="last run")),
                        (
                            "seconds",
                            models.FloatField(default=0.0, verbose_name="duration in seconds"),
                        ),
                        ("failed_at", models.DateTimeField(null=True, verbose_name="last failure")),
                        (
                            "error",
                            models.CharField(
                                blank=True, max_length=100, verbose_name="kind of error"
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "run of a task",
                        "verbose_name_plural": "runs of tasks",
                        "ordering": ("name",),
                    },
                ),
                migrations.CreateModel(
                    name="Heartbeat",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("worker", "Worker"),
                                    ("beat", "Clock of the worker (beat)"),
                                    ("consumer", "Consumer of the event stream"),
                                    ("scoring", "Scoring service"),
                                ],
                                max_length=10,
                                verbose_name="role",
                            ),
                        ),
                        (
                            "process",
                            models.CharField(
                                help_text="Machine and number.",
                                max_length=200,
                                verbose_name="process",
                            ),
                        ),
                        ("started_at", models.DateTimeField(verbose_name="started")),
                        ("beat_at", models.DateTimeField(verbose_name="last sign of life")),
                        ("stopped_at", models.DateTimeField(null=True, verbose_name="stopped")),
                    ],
                    options={
                        "verbose_name": "heartbeat",
                        "verbose_name_plural": "heartbeats",
                        "ordering": ("role", "-beat_at"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("role", "process"), name="heartbeat_once_a_process"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EventIntake",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("hour", models.DateTimeField(verbose_name="hour")),
                        (
                            "taken",
                            models.PositiveBigIntegerField(
                                default=0,
                                help_text="Stored, or known before.",
                                verbose_name="taken",
                            ),
                        ),
                        (
                            "rejected_clock",
                            models.PositiveBigIntegerField(
                                default=0, verbose_name="rejected: time"
                            ),
                        ),
                        (
                            "rejected_unknown",
                            models.PositiveBigIntegerField(
                                default=0,
                                verbose_name="rejected: unknown slot, experiment or variant",
                            ),
                        ),
                        (
                            "rejected_schema",
                            models.PositiveBigIntegerField(
                                default=0, verbose_name="rejected: schema"
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "intake of events",
                        "verbose_name_plural": "intake of events",
                        "ordering": ("-hour", "site"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "hour"), name="event_intake_once_an_hour"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ConversionOrder",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "event_id",
                                "site_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("event_id", models.UUIDField()),
                        (
                            "site",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.site",
                            ),
                        ),
                        ("digest", models.CharField(max_length=32)),
                        ("is_counted", models.BooleanField()),
                        ("by_server", models.BooleanField(help_text="Sent with a server key.")),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("is_counted", False)),
                                fields=["site", "digest"],
                                name="order_repeats",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("is_counted", True)),
                                fields=("site", "digest"),
                                name="order_counts_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SiteSecret",
                    fields=[
                        (
                            "site",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="digest_secret",
                                serialize=False,
                                to="experiments.site",
                            ),
                        ),
                        ("encrypted", models.TextField()),
                        ("fingerprint", models.CharField(max_length=16)),
                        (
                            "visitors",
                            models.CharField(
                                choices=[
                                    ("as_sent", "as sent"),
                                    ("moving", "digests; those from before are replaced"),
                                    ("digests", "digests"),
                                ],
                                db_default="as_sent",
                                default="as_sent",
                                max_length=10,
                            ),
                        ),
                    ],
                    options={},
                ),
                migrations.CreateModel(
                    name="Decision",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("winner", "Winner"),
                                    ("control", "Keep the control"),
                                    ("inconclusive", "Inconclusive"),
                                    ("invalid", "Invalid"),
                                ],
                                max_length=12,
                                verbose_name="decision",
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        ("decided_at", models.DateTimeField(verbose_name="decided")),
                        (
                            "server_key",
                            models.CharField(
                                blank=True, default="", max_length=250, verbose_name="server key"
                            ),
                        ),
                        (
                            "verdict",
                            models.CharField(
                                blank=True, max_length=20, verbose_name="verdict then"
                            ),
                        ),
                        (
                            "visitors",
                            models.PositiveBigIntegerField(default=0, verbose_name="visitors then"),
                        ),
                        ("lift", models.FloatField(null=True, verbose_name="lift then")),
                        ("p_value", models.FloatField(null=True, verbose_name="p-value then")),
                        (
                            "undone_at",
                            models.DateTimeField(null=True, verbose_name="promotion undone"),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "compared",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "experiment",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="decision",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "promoted_cta",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="experiments.cta",
                            ),
                        ),
                        (
                            "replaced_cta",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="experiments.cta",
                            ),
                        ),
                        (
                            "winner",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.variant",
                                verbose_name="winner",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "decision",
                        "verbose_name_plural": "decisions",
                        "ordering": ("-decided_at", "-pk"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("outcome", "winner"), ("winner__isnull", False)),
                                    models.Q(
                                        ("outcome__in", ("control", "inconclusive", "invalid")),
                                        ("winner__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="decision_winner_named",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("promoted_cta__isnull", True),
                                        ("replaced_cta__isnull", True),
                                        ("undone_at__isnull", True),
                                    ),
                                    models.Q(
                                        ("promoted_cta__isnull", False),
                                        ("replaced_cta__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="decision_promotion_keeps_both",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SnippetSighting",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("seen_at", models.DateTimeField(verbose_name="seen")),
                        ("path", models.CharField(blank=True, max_length=200, verbose_name="page")),
                        (
                            "site",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="sighting",
                                to="experiments.site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "sighting of the snippet",
                        "verbose_name_plural": "sightings of the snippet",
                    },
                ),
                migrations.CreateModel(
                    name="Standing",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("computed_at", models.DateTimeField(verbose_name="computed")),
                        (
                            "status",
                            models.CharField(blank=True, max_length=20, verbose_name="verdict"),
                        ),
                        ("lift", models.FloatField(null=True, verbose_name="lift")),
                        ("visitors", models.BigIntegerField(default=0, verbose_name="visitors")),
                        ("today", models.DateField(verbose_name="day")),
                        (
                            "visitors_today",
                            models.BigIntegerField(default=0, verbose_name="visitors of the day"),
                        ),
                        (
                            "visitors_week",
                            models.BigIntegerField(default=0, verbose_name="visitors of the week"),
                        ),
                        ("days_left", models.FloatField(null=True, verbose_name="days left")),
                        (
                            "silent_hours",
                            models.FloatField(null=True, verbose_name="hours without an exposure"),
                        ),
                        (
                            "experiment",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="standing",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "winner",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="experiments.variant",
                            ),
                        ),
                        (
                            "missing_goals",
                            models.JSONField(
                                help_text="Goals of the plan that do not arrive, each with what does.",
                                null=True,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "standing",
                        "verbose_name_plural": "standings",
                        "indexes": [models.Index(fields=["status"], name="standing_by_status")],
                    },
                ),
                migrations.CreateModel(
                    name="Upload",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("history", "Past tests"),
                                    ("wordings", "Wordings"),
                                    ("events", "Events"),
                                ],
                                max_length=10,
                                verbose_name="kind",
                            ),
                        ),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waits for confirmation"),
                                    ("running", "Being imported"),
                                    ("done", "Imported"),
                                    ("failed", "Failed"),
                                    ("undone", "Undone"),
                                ],
                                default="waiting",
                                max_length=10,
                                verbose_name="status",
                            ),
                        ),
                        ("name", models.CharField(max_length=200, verbose_name="file")),
                        ("size", models.PositiveBigIntegerField(verbose_name="bytes")),
                        (
                            "stored",
                            models.CharField(
                                blank=True,
                                help_text="Empty: deleted.",
                                max_length=64,
                                verbose_name="name in the folder of uploads",
                            ),
                        ),
                        ("options", models.JSONField(default=dict, verbose_name="options")),
                        ("result", models.JSONField(null=True, verbose_name="result")),
                        (
                            "undo",
                            models.JSONField(
                                help_text="None: it cannot be undone.",
                                null=True,
                                verbose_name="what an undo restores",
                            ),
                        ),
                        ("created_at", models.DateTimeField(verbose_name="created")),
                        ("ended_at", models.DateTimeField(null=True, verbose_name="finished")),
                        (
                            "created_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="uploads",
                                to="experiments.job",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="uploads",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "import",
                        "verbose_name_plural": "imports",
                        "ordering": ("-created_at",),
                    },
                ),
                migrations.CreateModel(
                    name="HistoryArm",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("test", models.TextField(verbose_name="test")),
                        ("context", models.TextField(blank=True, verbose_name="context")),
                        ("text", models.TextField(verbose_name="wording")),
                        ("visitors", models.PositiveBigIntegerField(verbose_name="visitors")),
                        ("clicks", models.PositiveBigIntegerField(verbose_name="clicks")),
                        ("audience", models.TextField(blank=True, verbose_name="audience")),
                        ("locale", models.TextField(blank=True, verbose_name="language")),
                        ("form", models.TextField(blank=True, verbose_name="form")),
                        ("placement", models.TextField(blank=True, verbose_name="position")),
                        ("ended_on", models.DateField(blank=True, null=True, verbose_name="ended")),
                        ("group", models.TextField(blank=True, verbose_name="group")),
                        (
                            "suspect",
                            models.BooleanField(
                                default=False,
                                help_text="Randomisation in doubt: not used to evaluate.",
                                verbose_name="suspect",
                            ),
                        ),
                        ("digest", models.CharField(editable=False, max_length=64)),
                        (
                            "is_simulated",
                            models.BooleanField(default=False, verbose_name="simulated"),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="history",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "upload",
                            models.ForeignKey(
                                editable=False,
                                help_text="The import in the browser that wrote it last; None: the command line.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="history",
                                to="experiments.upload",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "past wording",
                        "verbose_name_plural": "past wordings",
                        "ordering": ("test", "context", "text"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "digest"), name="history_one_row_a_wording"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("clicks__lte", models.F("visitors"))),
                                name="history_counts_possible",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("test", ""), _negated=True),
                                    models.Q(("text", ""), _negated=True),
                                ),
                                name="history_named",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TypedExperiment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("content", models.JSONField(default=dict)),
                        ("updated_at", models.DateTimeField(verbose_name="changed")),
                        (
                            "experiment",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.experiment",
                                verbose_name="experiment",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "experiment being typed",
                        "verbose_name_plural": "experiments being typed",
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("experiment__isnull", True)),
                                fields=("person",),
                                name="typed_experiment_one_open_a_person",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Notice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("started", "A test has started"),
                                    ("verdict", "A test has a verdict"),
                                    ("harm", "An arm does harm"),
                                    ("rollback", "Something was rolled back"),
                                    ("split", "Visitors do not split as the shares say"),
                                    ("no_traffic", "No visitor for 24 hours"),
                                    ("trained", "A training has finished"),
                                    ("approval", "A test needs an approval"),
                                    ("digest", "Weekly digest"),
                                ],
                                max_length=12,
                                verbose_name="what",
                            ),
                        ),
                        ("at", models.DateTimeField(db_index=True, verbose_name="when")),
                        ("facts", models.JSONField(default=dict, verbose_name="facts")),
                        (
                            "occurrence",
                            models.CharField(
                                help_text="What happened, named so that it is told once.",
                                max_length=200,
                                unique=True,
                            ),
                        ),
                        (
                            "spread_at",
                            models.DateTimeField(
                                help_text="When its deliveries were written down.", null=True
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.job",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                help_text="Empty: of the whole installation.",
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "notice",
                        "verbose_name_plural": "notices",
                        "ordering": ("-at", "-pk"),
                        "indexes": [
                            models.Index(
                                condition=models.Q(("spread_at", None)),
                                fields=["id"],
                                name="notice_to_spread",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="NoticeChoice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("mail", models.JSONField(default=list, verbose_name="by mail")),
                        ("page", models.JSONField(default=list, verbose_name="in the menu")),
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notice_choice",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "choice of notices",
                        "verbose_name_plural": "choices of notices",
                    },
                ),
                migrations.CreateModel(
                    name="NoticeRead",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("read_at", models.DateTimeField(verbose_name="read")),
                        (
                            "notice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="reads",
                                to="experiments.notice",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "read notice",
                        "verbose_name_plural": "read notices",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("user", "notice"), name="notice_read_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Webhook",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("name", models.CharField(max_length=100, verbose_name="name")),
                        (
                            "url",
                            models.CharField(
                                help_text="It begins with https://. Whoever has it may often post there: keep it.",
                                max_length=1000,
                                verbose_name="address",
                            ),
                        ),
                        (
                            "format",
                            models.CharField(
                                choices=[
                                    ("json", "JSON (Standard Webhooks)"),
                                    ("slack", "Slack"),
                                    ("teams", "Microsoft Teams"),
                                ],
                                default="json",
                                max_length=5,
                                verbose_name="format",
                            ),
                        ),
                        (
                            "language",
                            models.CharField(
                                choices=[("en", "English"), ("fr", "French")],
                                default="en",
                                max_length=10,
                                verbose_name="language",
                            ),
                        ),
                        ("kinds", models.JSONField(default=list, verbose_name="notices")),
                        ("is_active", models.BooleanField(default=True, verbose_name="in use")),
                        ("encrypted_secret", models.TextField(editable=False)),
                        (
                            "created_at",
                            models.DateTimeField(editable=False, verbose_name="created"),
                        ),
                        (
                            "created_by",
                            models.ForeignKey(
                                editable=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="created by",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="webhooks",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "webhook",
                        "verbose_name_plural": "webhooks",
                        "ordering": ("site", "name"),
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "message_id",
                            models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("sent", "Sent"),
                                    ("given_up", "Given up"),
                                    ("dropped", "Not for this reader any more"),
                                ],
                                default="waiting",
                                max_length=10,
                                verbose_name="state",
                            ),
                        ),
                        (
                            "attempts",
                            models.PositiveSmallIntegerField(default=0, verbose_name="attempts"),
                        ),
                        ("next_at", models.DateTimeField(verbose_name="next attempt")),
                        ("claimed_until", models.DateTimeField(null=True)),
                        ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                        (
                            "error",
                            models.CharField(blank=True, max_length=300, verbose_name="last error"),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "notice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="experiments.notice",
                            ),
                        ),
                        (
                            "webhook",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="experiments.webhook",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "delivery",
                        "verbose_name_plural": "deliveries",
                        "ordering": ("-pk",),
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "waiting")),
                                fields=["next_at"],
                                name="delivery_waiting",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("notice", "user"), name="delivery_once_a_reader"
                            ),
                            models.UniqueConstraint(
                                fields=("notice", "webhook"), name="delivery_once_a_webhook"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("user", None), ("webhook__isnull", False)),
                                    models.Q(("user__isnull", False), ("webhook", None)),
                                    _connector="OR",
                                ),
                                name="delivery_to_one",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Approval",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waits for approval"),
                                    ("approved", "Approved"),
                                    ("declined", "Declined"),
                                    ("withdrawn", "Withdrawn"),
                                ],
                                default="waiting",
                                max_length=10,
                                verbose_name="state",
                            ),
                        ),
                        ("content", models.JSONField(verbose_name="content")),
                        ("asked_at", models.DateTimeField(verbose_name="asked")),
                        (
                            "server_key",
                            models.CharField(
                                blank=True,
                                default="",
                                help_text="Name and first characters of the key that asked.",
                                max_length=250,
                                verbose_name="server key",
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        ("answered_at", models.DateTimeField(null=True, verbose_name="answered")),
                        ("answer", models.TextField(blank=True, verbose_name="answer")),
                        (
                            "answered_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="answered by",
                            ),
                        ),
                        (
                            "asked_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="asked by",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="approvals",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "approval",
                        "verbose_name_plural": "approvals",
                        "ordering": ("-asked_at", "-pk"),
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "waiting")),
                                fields=("experiment",),
                                name="approval_one_waits",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("answered_at__isnull", True), ("state", "waiting")),
                                    models.Q(
                                        ("answered_at__isnull", False),
                                        ("state__in", ("approved", "declined", "withdrawn")),
                                    ),
                                    _connector="OR",
                                ),
                                name="approval_answer_dated",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "approved"), _negated=True),
                                    models.Q(("asked_by", models.F("answered_by")), _negated=True),
                                    _connector="OR",
                                ),
                                name="approval_second_person",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TypedCTA",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("content", models.JSONField(default=dict)),
                        ("updated_at", models.DateTimeField(verbose_name="changed")),
                        ("opened", models.JSONField(default=dict)),
                        ("saved", models.JSONField(null=True)),
                        (
                            "cta",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.cta",
                                verbose_name="CTA",
                            ),
                        ),
                        (
                            "made",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.cta",
                                verbose_name="CTA",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="person",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "CTA being typed",
                        "verbose_name_plural": "CTAs being typed",
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("cta__isnull", True), ("made__isnull", True)),
                                fields=("person",),
                                name="typed_cta_one_open_a_person",
                            ),
                            models.UniqueConstraint(
                                fields=("person", "cta"), name="typed_cta_one_a_cta"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FrozenReport",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("frozen_at", models.DateTimeField(verbose_name="frozen")),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        ("first_day", models.DateField(null=True, verbose_name="first day")),
                        ("last_day", models.DateField(null=True, verbose_name="last day")),
                        (
                            "visitors",
                            models.PositiveBigIntegerField(default=0, verbose_name="visitors"),
                        ),
                        (
                            "code_version",
                            models.CharField(max_length=64, verbose_name="version of the code"),
                        ),
                        ("digest", models.CharField(max_length=64, verbose_name="hash")),
                        ("content", models.TextField(verbose_name="content")),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="frozen_reports",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "frozen report",
                        "verbose_name_plural": "frozen reports",
                        "ordering": ("-frozen_at", "-pk"),
                    },
                ),
                migrations.CreateModel(
                    name="ShareLink",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "token_digest",
                            models.CharField(editable=False, max_length=64, unique=True),
                        ),
                        (
                            "password",
                            models.CharField(
                                blank=True, editable=False, max_length=128, verbose_name="password"
                            ),
                        ),
                        ("created_at", models.DateTimeField(verbose_name="created")),
                        ("expires_at", models.DateTimeField(verbose_name="expires")),
                        ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "frozen",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="links",
                                to="experiments.frozenreport",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "share link",
                        "verbose_name_plural": "share links",
                        "ordering": ("-created_at", "-pk"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("expires_at__gt", models.F("created_at"))),
                                name="share_link_ends_after_its_start",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Annotation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("day", models.DateField(verbose_name="day")),
                        ("text", models.CharField(max_length=300, verbose_name="text")),
                        ("created_at", models.DateTimeField(verbose_name="created")),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="annotations",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "annotation",
                        "verbose_name_plural": "annotations",
                        "ordering": ("day", "pk"),
                    },
                ),
                migrations.CreateModel(
                    name="PastTest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("digest", models.CharField(editable=False, max_length=64)),
                        (
                            "source",
                            models.CharField(
                                choices=[
                                    ("experiment", "Own experiment"),
                                    ("import", "Imported test"),
                                ],
                                max_length=10,
                                verbose_name="source",
                            ),
                        ),
                        ("name", models.TextField(verbose_name="test")),
                        (
                            "verdict",
                            models.CharField(
                                choices=[
                                    ("winner", "Winner"),
                                    ("control", "Control kept"),
                                    ("inconclusive", "Inconclusive"),
                                    ("invalid", "Invalid"),
                                    ("different", "Wordings differ"),
                                    ("open", "Not decided"),
                                ],
                                max_length=12,
                                verbose_name="verdict",
                            ),
                        ),
                        ("best", models.TextField(blank=True, verbose_name="best wording")),
                        ("lift", models.FloatField(null=True, verbose_name="lift")),
                        ("lift_low", models.FloatField(null=True)),
                        ("lift_high", models.FloatField(null=True)),
                        (
                            "metric",
                            models.CharField(
                                choices=[
                                    ("click_rate", "Click rate"),
                                    ("conversion_rate", "Conversion rate"),
                                    ("value_per_visitor", "Value per visitor"),
                                    ("value_per_click", "Value per click"),
                                    ("conversions_per_visitor", "Conversions per visitor"),
                                ],
                                default="click_rate",
                                max_length=30,
                                verbose_name="primary metric",
                            ),
                        ),
                        ("placement", models.TextField(blank=True, verbose_name="position")),
                        ("audience", models.TextField(blank=True, verbose_name="audience")),
                        ("locale", models.TextField(blank=True, verbose_name="language")),
                        ("form", models.TextField(blank=True, verbose_name="form")),
                        ("started_on", models.DateField(null=True, verbose_name="started")),
                        ("ended_on", models.DateField(null=True, verbose_name="ended")),
                        (
                            "arms",
                            models.JSONField(
                                default=experiments.models.validators.empty_list,
                                verbose_name="wordings",
                            ),
                        ),
                        ("n_arms", models.PositiveIntegerField(default=0, verbose_name="wordings")),
                        (
                            "visitors",
                            models.PositiveBigIntegerField(default=0, verbose_name="visitors"),
                        ),
                        (
                            "clicks",
                            models.PositiveBigIntegerField(default=0, verbose_name="clicks"),
                        ),
                        ("principles", models.TextField(blank=True, verbose_name="principles")),
                        ("tags", models.TextField(blank=True, verbose_name="tags")),
                        ("words", models.TextField(blank=True)),
                        ("suspect", models.BooleanField(default=False, verbose_name="suspect")),
                        (
                            "is_simulated",
                            models.BooleanField(default=False, verbose_name="simulated"),
                        ),
                        (
                            "is_shipped",
                            models.BooleanField(default=False, verbose_name="shown to everybody"),
                        ),
                        ("kept_at", models.DateTimeField()),
                        (
                            "experiment",
                            models.OneToOneField(
                                editable=False,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="past_test",
                                to="experiments.experiment",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="past_tests",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "slot",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="past_tests",
                                to="experiments.slot",
                                verbose_name="slot",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "past test",
                        "verbose_name_plural": "past tests",
                        "ordering": (
                            models.OrderBy(models.F("ended_on"), descending=True, nulls_last=True),
                            "-pk",
                        ),
                        "indexes": [
                            models.Index(fields=["site", "-ended_on"], name="past_test_by_end")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "digest"), name="past_test_once_a_site"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("experiment__isnull", False), ("source", "experiment")
                                    ),
                                    models.Q(("experiment__isnull", True), ("source", "import")),
                                    _connector="OR",
                                ),
                                name="past_test_source_fits",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Learning",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "statement",
                            models.CharField(
                                help_text="One sentence, such as: Urgency lowers sign-ups in the footer.",
                                max_length=300,
                                verbose_name="statement",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("principle", "Principle"),
                                    ("verb_form", "Form of the verb"),
                                    ("slot", "Slot"),
                                    ("audience", "Audience"),
                                    ("tests", "The linked tests alone"),
                                ],
                                default="tests",
                                max_length=10,
                                verbose_name="about",
                            ),
                        ),
                        (
                            "subject",
                            models.CharField(blank=True, max_length=200, verbose_name="subject"),
                        ),
                        (
                            "raises",
                            models.BooleanField(
                                default=True,
                                help_text="Without the tick the claim is that it lowers the result.",
                                verbose_name="it raises the result",
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        (
                            "written_at",
                            models.DateTimeField(editable=False, verbose_name="written"),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                editable=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="learnings",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                        (
                            "tests",
                            models.ManyToManyField(
                                blank=True,
                                related_name="learnings",
                                to="experiments.pasttest",
                                verbose_name="tests",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "learning",
                        "verbose_name_plural": "learnings",
                        "ordering": ("-written_at", "-pk"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("statement", ""), _negated=True),
                                name="learning_says_something",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("kind", "tests"), ("subject", "")),
                                    models.Q(
                                        (
                                            "kind__in",
                                            ("principle", "verb_form", "slot", "audience"),
                                        ),
                                        models.Q(("subject", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="learning_has_its_subject",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Edit",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("kind", models.CharField(max_length=50)),
                        ("row", models.PositiveBigIntegerField()),
                        ("name", models.CharField(max_length=250, verbose_name="name")),
                        (
                            "verb",
                            models.CharField(
                                choices=[
                                    ("add", "Created"),
                                    ("change", "Edited"),
                                    ("delete", "Deleted"),
                                ],
                                max_length=10,
                                verbose_name="what",
                            ),
                        ),
                        (
                            "way",
                            models.CharField(
                                choices=[
                                    ("form", "by hand"),
                                    ("api", "by the management API"),
                                    ("together", "together with others"),
                                    ("undo", "undone"),
                                    ("copy", "as a copy"),
                                    ("wizard", "with a new test"),
                                    ("promote", "shown to everybody after a test"),
                                    ("unpromote", "former default restored"),
                                    ("archive", "archived"),
                                    ("restore", "brought back"),
                                ],
                                default="form",
                                max_length=10,
                                verbose_name="how",
                            ),
                        ),
                        ("at", models.DateTimeField(verbose_name="when")),
                        ("changes", models.JSONField(verbose_name="changes")),
                        ("note", models.TextField(blank=True, verbose_name="note")),
                        (
                            "server_key",
                            models.CharField(
                                blank=True, default="", max_length=250, verbose_name="server key"
                            ),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                help_text="Empty: a server with its key, or somebody whose account is gone.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="edits",
                                to="experiments.site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "edit",
                        "verbose_name_plural": "edits",
                        "ordering": ("-at", "-pk"),
                        "indexes": [
                            models.Index(fields=["kind", "row", "-at"], name="edit_of_row")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Comment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("at", models.DateTimeField(verbose_name="when")),
                        ("text", models.TextField(verbose_name="text")),
                        (
                            "server_key",
                            models.CharField(
                                blank=True, default="", max_length=250, verbose_name="server key"
                            ),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                help_text="Empty: a server with its key, or somebody whose account is gone.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="by",
                            ),
                        ),
                        (
                            "experiment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="comments",
                                to="experiments.experiment",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "comment",
                        "verbose_name_plural": "comments",
                        "ordering": ("at", "pk"),
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("text", ""), _negated=True),
                                name="comment_says_something",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ExperimentTemplate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("name", models.CharField(max_length=200, verbose_name="name")),
                        ("content", models.JSONField(default=dict, editable=False)),
                        ("saved_at", models.DateTimeField(editable=False, verbose_name="saved")),
                        (
                            "audience",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.RESTRICT,
                                related_name="+",
                                to="experiments.audience",
                                verbose_name="audience",
                            ),
                        ),
                        (
                            "site",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="experiments.site",
                                verbose_name="site",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "template of experiments",
                        "verbose_name_plural": "templates of experiments",
                        "ordering": ("name", "pk"),
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("site", "name"), name="experiment_template_unique_name"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("name", ""), _negated=True),
                                name="experiment_template_has_a_name",
                            ),
                        ],
                    },
                ),
            ]
        )
    ]
