"""What must never be is refused by the database itself, whoever writes."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, transaction

from experiments.models import (
    CTA,
    Approval,
    Audience,
    Burst,
    CacheWatch,
    Comment,
    ConfigRevision,
    ConversionOrder,
    CTAWording,
    CurrencyRollup,
    Decision,
    Delivery,
    ErasedVisitor,
    Event,
    EventIntake,
    Experiment,
    ExperimentTemplate,
    FormerClientKey,
    FrozenReport,
    GoalRollup,
    Guardrail,
    Heartbeat,
    HistoryArm,
    Interaction,
    Job,
    Learning,
    Membership,
    Namespace,
    Notice,
    NoticeChoice,
    NoticeRead,
    PastTest,
    Phase,
    RampStep,
    Rollup,
    RollupCheck,
    SecondaryMetric,
    SecretDigest,
    SenderCount,
    ServerKey,
    ShareLink,
    Site,
    Slot,
    SnippetSighting,
    Standing,
    Tag,
    TaskRun,
    TypedCTA,
    TypedExperiment,
    Variant,
    VisitorOutcome,
    Webhook,
)
from experiments.services.events.partitions import make_partitions
from tests import factories
from tests.factories import NOW, STARTED, event_id

pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status


class World:
    """A shop with one experiment, and rows beside it that break a rule."""

    def __init__(self):
        self.site = factories.make_site()
        self.slot = factories.make_slot(self.site)
        self.cta = self.slot.default_cta
        self.experiment = factories.make_running_experiment(self.slot)
        self.control, self.b = self.experiment.variants.order_by("arm")

    def site_row(self, **changes):
        return Site(**({"key": "other", "name": "Other", "client_key": "other-key"} | changes))

    def cta_row(self, **changes):
        return CTA(**({"site": self.site, "name": "New", "destination": "/new"} | changes))

    def slot_row(self, **changes):
        values = {"site": self.site, "key": "footer", "name": "Footer", "default_cta": self.cta}
        return Slot(**(values | changes))

    def namespace_row(self, **changes):
        return Namespace(**({"site": self.site, "key": "space", "seed": "space"} | changes))

    def experiment_row(self, **changes):
        return Experiment(**({"slot": self.slot, "key": "next", "name": "Next"} | changes))

    def rival_row(self, **changes):
        return self.experiment_row(status=Status.PAUSED, started_at=NOW, **changes)

    def variant_row(self, **changes):
        values = {"arm": 2, "key": "c", "cta": self.cta, "share": "0.5"}
        return Variant(experiment=self.experiment, **(values | changes))

    def event_row(self, **changes):
        values = {"type": "exposure", "experiment": self.experiment, "variant": self.b}
        values |= {"site": self.site, "event_id": event_id(), "visitor": "v-1", "batch": 1}
        return Event(**(values | {"occurred_at": NOW, "received_at": NOW} | changes))

    def outcome_row(self):
        values = {"has_clicked": False, "has_converted": False, "value": 0}
        values |= {"variant": self.b, "day": NOW.date()}
        return VisitorOutcome(experiment=self.experiment, visitor="v-1", **values)

    def watch_row(self, **changes):
        return CacheWatch(experiment=self.experiment, checked_until=NOW, **changes)

    def check_row(self, **changes):
        return RollupCheck(experiment=self.experiment, checked_at=NOW, **changes)

    def decision_row(self, **changes):
        return Decision(
            **({"experiment": self.experiment, "outcome": "control", "decided_at": NOW} | changes)
        )

    def approval_row(self, **changes):
        values = {"experiment": self.experiment, "content": [], "asked_at": NOW}
        return Approval(**(values | changes))

    def link_row(self, **changes):
        values = {"frozen_at": NOW, "code_version": "1", "digest": "d", "content": "{}"}
        frozen, _ = FrozenReport.objects.get_or_create(experiment=self.experiment, defaults=values)
        ends = {"created_at": NOW, "expires_at": NOW + timedelta(days=1)}
        return ShareLink(**({"frozen": frozen, "token_digest": "t"} | ends | changes))

    def past_test_row(self, **changes):
        values = {"site": self.site, "digest": "d", "source": "import", "kept_at": NOW}
        return PastTest(**(values | changes))

    def own_test_row(self, **changes):
        own = {"source": "experiment", "experiment": self.experiment}
        return self.past_test_row(**(own | changes))

    def learning_row(self, **changes):
        values = {"site": self.site, "statement": "Urgency helps.", "written_at": NOW}
        return Learning(**(values | changes))

    def template_row(self, **changes):
        values = {"site": self.site, "name": "Usual", "saved_at": NOW}
        return ExperimentTemplate(**(values | changes))

    def own_approval_row(self):
        person, _ = get_user_model().objects.get_or_create(username="colleague")
        both = {"asked_by": person, "answered_by": person}
        return self.approval_row(state="approved", answered_at=NOW, **both)

    def person(self):
        return get_user_model().objects.get_or_create(username="colleague")[0]

    def notice(self):
        values = {"kind": "started", "at": NOW, "site": self.site}
        return Notice.objects.get_or_create(occurrence="started:1", defaults=values)[0]

    def webhook(self):
        values = {"name": "Team", "url": "https://hooks.example/", "created_at": NOW}
        return Webhook.objects.get_or_create(site=self.site, defaults=values)[0]

    def delivery_row(self, **changes):
        return Delivery(**({"notice": self.notice(), "next_at": NOW} | changes))

    def sighting_row(self):
        return SnippetSighting(site=self.site, seen_at=NOW)

    def standing_row(self):
        return Standing(experiment=self.experiment, computed_at=NOW, today=NOW.date())

    def erasure_row(self):
        return ErasedVisitor(site=self.site, digest="0" * 64, erased_at=NOW)

    def rollup_row(self, **changes):
        return Rollup(experiment=self.experiment, variant=self.b, day=NOW.date(), **changes)

    def burst_row(self):
        values = {"first_at": NOW, "last_at": NOW, "n_senders": 1, "visitors": 9}
        return Burst(experiment=self.experiment, day=NOW.date(), all_visitors=9, **values)

    def sender_row(self):
        times = {"slot": NOW, "first_at": NOW, "last_at": NOW}
        batches = {"first_batch": 1, "last_batch": 1}
        arm = {"experiment": self.experiment, "variant": self.b}
        return SenderCount(sender=7, **times, **batches, **arm)

    def guardrail_row(self, **changes):
        values = {"metric": "conversion_rate", "goal": "order"}
        return Guardrail(experiment=self.experiment, **(values | changes))

    def interaction_row(self, **changes):
        arm = self.experiment.variants.first()
        values = {"factor": 1.5, "p_value": 0.01, "visitors": 9, "checked_at": NOW}
        return Interaction(experiment=self.experiment, arm=arm, other_arm=arm, **(values | changes))

    def secondary_row(self, **changes):
        values = {"experiment": self.experiment, "metric": "conversion_rate", "goal": "order"}
        return SecondaryMetric(**(values | changes))

    def goal_rollup_row(self, **changes):
        values = {"variant": self.b, "day": NOW.date(), "goal": "order"}
        return GoalRollup(experiment=self.experiment, **(values | changes))

    def currency_rollup_row(self, **changes):
        values = {"variant": self.b, "day": NOW.date(), "goal": "order", "currency": "EUR"}
        return CurrencyRollup(experiment=self.experiment, **(values | changes))

    def history_row(self, **changes):
        values = {"test": "t", "text": "Go", "visitors": 10, "clicks": 1, "digest": "d"}
        return HistoryArm(site=self.site, **(values | changes))

    def membership_row(self, **changes):
        person, _ = get_user_model().objects.get_or_create(username="colleague")
        return Membership(site=self.site, user=person, **({"role": "owner"} | changes))

    def typed_row(self, **changes):
        person, _ = get_user_model().objects.get_or_create(username="colleague")
        return TypedExperiment(person=person, updated_at=NOW, **changes)

    def typed_cta_row(self, **changes):
        person, _ = get_user_model().objects.get_or_create(username="colleague")
        return TypedCTA(person=person, updated_at=NOW, **changes)

    def key_row(self, **changes):
        return ServerKey(site=self.site, name="k", prefix="k", created_at=NOW, **changes)

    def former_key_row(self, **changes):
        values = {"site": self.site, "key": "old", "replaced_at": NOW, "expires_at": NOW}
        return FormerClientKey(**(values | changes))

    def phase_row(self, **changes):
        values = {"number": 0, "started_at": NOW, "shares": [0.5, 0.5], "coverage": 1, "slices": []}
        return Phase(experiment=self.experiment, **(values | changes))

    def ramp_row(self, **changes):
        values = {"number": 0, "coverage": "0.5", "hold_hours": 24}
        return RampStep(experiment=self.experiment, **(values | changes))

    def audience_row(self, **changes):
        return Audience(site=self.site, **({"key": "fr", "name": "French"} | changes))

    def saved_audience(self):
        row = self.audience_row()
        row.save()
        return row

    def job_row(self, **changes):
        values = {
            "kind": Job.Kind.TRAINING,
            "created_at": NOW,
            "heartbeat_at": NOW,
            "language": "en",
        }
        return Job(**(values | changes))

    def heartbeat_row(self):
        return Heartbeat(role="worker", process="machine:1", started_at=NOW, beat_at=NOW)

    def order_row(self):
        return ConversionOrder(
            event_id=event_id(), site=self.site, digest="d", is_counted=True, by_server=False
        )

    def intake_row(self):
        return EventIntake(site=self.site, hour=NOW)


def twice(make):
    """Two equal rows where one is allowed."""
    return lambda world: [make(world), make(world)]


def dated(**changes):
    return {"started_at": STARTED} | changes


ID = UUID("01934f2e-0000-7000-8000-000000000001")
# The name of each constraint, and rows that break it and nothing else.
REFUSED = [
    ("site_key_not_empty", lambda w: [w.site_row(key="")]),
    ("site_client_key_not_empty", lambda w: [w.site_row(client_key="")]),
    ("site_holdout_range", lambda w: [w.site_row(holdout="0.6")]),
    ("site_holdout_range", lambda w: [w.site_row(holdout="-0.1")]),
    ("site_minimum_range", lambda w: [w.site_row(minimum_visitors=99)]),
    ("site_minimum_range", lambda w: [w.site_row(minimum_conversions=19)]),
    ("site_minimum_range", lambda w: [w.site_row(minimum_days=0)]),
    ("site_minimum_range", lambda w: [w.site_row(minimum_days=91)]),
    (
        "site_brand_colours_are_hexadecimal",
        lambda w: [w.site_row(brand_background_color="#12345")],
    ),
    (
        "site_brand_colours_are_hexadecimal",
        lambda w: [w.site_row(brand_text_color="white")],
    ),
    ("site_time_zone_not_empty", lambda w: [w.site_row(time_zone="")]),
    ("Site.key", lambda w: [w.site_row(key="shop")]),
    ("Site.client_key", lambda w: [w.site_row(client_key="shop-client-key")]),
    ("ServerKey.digest", twice(lambda w: w.key_row(digest="d"))),
    ("membership_one_role_a_site", twice(lambda w: w.membership_row())),
    ("membership_role_known", lambda w: [w.membership_row(role="king")]),
    ("tag_unique_name", twice(lambda w: Tag(site=w.site, name="blue"))),
    ("cta_unique_name", twice(lambda w: w.cta_row())),
    ("cta_form_known", lambda w: [w.cta_row(form="banner")]),
    ("cta_destination_safe", lambda w: [w.cta_row(destination="javascript:alert(1)")]),
    ("cta_destination_safe", lambda w: [w.cta_row(destination="//evil.example/x")]),
    ("cta_destination_safe", lambda w: [w.cta_row(destination="/\\evil.example/x")]),
    ("cta_destination_safe", lambda w: [w.cta_row(destination="/go\nSet-Cookie: a")]),
    ("cta_size_known", lambda w: [w.cta_row(size="huge")]),
    ("cta_colours_are_hexadecimal", lambda w: [w.cta_row(text_color="white")]),
    ("cta_colours_are_hexadecimal", lambda w: [w.cta_row(background_color="#12345")]),
    ("wording_one_a_locale", lambda w: [CTAWording(cta=w.cta, locale="en", text="Again")]),
    ("wording_not_empty", lambda w: [CTAWording(cta=w.cta, locale="fr", text="")]),
    ("audience_unique_key", twice(lambda w: w.audience_row())),
    ("audience_key_not_empty", lambda w: [w.audience_row(key="")]),
    ("slot_unique_key", lambda w: [w.slot_row(key="hero")]),
    ("slot_key_safe_in_urls", lambda w: [w.slot_row(key="a/b")]),
    ("slot_key_safe_in_urls", lambda w: [w.slot_row(key="")]),
    ("slot_position_known", lambda w: [w.slot_row(position="sidebar")]),
    ("config_revision_one_row", lambda w: [ConfigRevision(pk=2)]),
    ("history_one_row_a_wording", twice(lambda w: w.history_row())),
    ("history_counts_possible", lambda w: [w.history_row(clicks=11)]),
    ("history_named", lambda w: [w.history_row(test="")]),
    ("history_named", lambda w: [w.history_row(text="")]),
    ("namespace_unique_key", twice(lambda w: w.namespace_row())),
    ("namespace_key_not_empty", lambda w: [w.namespace_row(key="")]),
    ("namespace_seed_not_empty", lambda w: [w.namespace_row(seed="")]),
    ("namespace_hash_version_2", lambda w: [w.namespace_row(hash_version=1)]),
    ("phase_unique_number", twice(lambda w: w.phase_row())),
    ("phase_coverage_range", lambda w: [w.phase_row(coverage=0)]),
    ("phase_coverage_range", lambda w: [w.phase_row(coverage="1.1")]),
    ("ramp_unique_number", twice(lambda w: w.ramp_row())),
    ("ramp_coverage_range", lambda w: [w.ramp_row(coverage=0)]),
    ("ramp_hours_positive", lambda w: [w.ramp_row(hold_hours=0)]),
    ("experiment_ends_after_start", lambda w: [w.experiment_row(starts_at=NOW, ends_at=NOW)]),
    (
        "experiment_rolled_back_with_reason",
        lambda w: [w.experiment_row(rolled_back_at=NOW, rollback_reason="harm")],
    ),
    (
        "experiment_rolled_back_with_reason",
        lambda w: [w.rival_row(audience=w.saved_audience(), rolled_back_at=NOW)],
    ),
    ("experiment_rolled_back_with_reason", lambda w: [w.experiment_row(rollback_reason="harm")]),
    ("Experiment.key", lambda w: [w.experiment_row(key="hero-test")]),
    ("experiment_key_not_empty", lambda w: [w.experiment_row(key="")]),
    ("experiment_hash_version_2", lambda w: [w.experiment_row(hash_version=1)]),
    ("experiment_status_known", lambda w: [w.experiment_row(**dated(status="done"))]),
    ("experiment_metric_known", lambda w: [w.experiment_row(primary_metric="joy", goal="g")]),
    ("experiment_origin_known", lambda w: [w.experiment_row(origin="guessed")]),
    ("experiment_started_unless_draft", lambda w: [w.experiment_row(status="running")]),
    ("experiment_stopped_has_end", lambda w: [w.experiment_row(**dated(status="stopped"))]),
    ("experiment_stopped_has_end", lambda w: [w.experiment_row(**dated(stopped_at=NOW))]),
    (
        "experiment_stopped_has_end",
        lambda w: [w.experiment_row(status="archived", started_at=NOW, stopped_at=STARTED)],
    ),
    ("experiment_coverage_range", lambda w: [w.experiment_row(coverage=0)]),
    ("experiment_coverage_range", lambda w: [w.experiment_row(coverage="1.1")]),
    (
        "experiment_conversion_window_range",
        lambda w: [w.experiment_row(conversion_window_hours=0)],
    ),
    (
        "experiment_conversion_window_range",
        lambda w: [w.experiment_row(conversion_window_hours=721)],
    ),
    ("experiment_alpha_range", lambda w: [w.experiment_row(alpha=0)]),
    ("experiment_alpha_range", lambda w: [w.experiment_row(alpha=0.6)]),
    ("experiment_fixed_plan_has_visitors", lambda w: [w.experiment_row(plan="fixed")]),
    ("experiment_fixed_plan_has_visitors", lambda w: [w.experiment_row(plan="bandit")]),
    (
        "experiment_goal_for_conversions",
        lambda w: [w.experiment_row(primary_metric="conversion_rate")],
    ),
    (
        "experiment_goal_for_conversions",
        lambda w: [w.experiment_row(primary_metric="value_per_click")],
    ),
    ("experiment_value_cap_fits", lambda w: [w.experiment_row(value_cap=5)]),
    (
        "experiment_value_cap_fits",
        lambda w: [w.experiment_row(primary_metric="value_per_click", goal="g", value_cap=0)],
    ),
    ("experiment_namespace_range", lambda w: [w.experiment_row(namespace_start=0)]),
    (
        "experiment_namespace_range",
        lambda w: [
            space := w.namespace_row(),
            w.experiment_row(namespace=space, namespace_start="0.5", namespace_end="0.5"),
        ],
    ),
    (
        "experiment_namespace_range",
        lambda w: [space := w.namespace_row(), w.experiment_row(namespace=space)],
    ),
    (
        "experiment_one_running_a_slot_and_audience",
        lambda w: [
            french := w.audience_row(),
            w.rival_row(audience=french),
            w.rival_row(audience=french, key="third"),
        ],
    ),
    ("experiment_one_running_a_slot_for_everybody", lambda w: [w.rival_row()]),
    ("variant_unique_arm", lambda w: [w.variant_row(arm=1)]),
    ("variant_unique_key", lambda w: [w.variant_row(key="b")]),
    ("variant_key_usable", lambda w: [w.variant_row(key="")]),
    ("variant_key_usable", lambda w: [w.variant_row(key="default")]),
    ("variant_share_range", lambda w: [w.variant_row(share="-0.1")]),
    ("variant_share_range", lambda w: [w.variant_row(share="1.5")]),
    (
        "variant_rolled_back_without_share",
        lambda w: [w.variant_row(rolled_back_at=NOW, rollback_reason="{}", share="0.5")],
    ),
    ("variant_rolled_back_without_share", lambda w: [w.variant_row(rolled_back_at=NOW, share=0)]),
    ("variant_rolled_back_without_share", lambda w: [w.variant_row(rollback_reason="{}")]),
    ("event_visitor_not_empty", lambda w: [w.event_row(visitor="")]),
    ("event_has_what_its_type_needs", lambda w: [w.event_row(variant=None)]),
    ("event_has_what_its_type_needs", lambda w: [w.event_row(experiment=None)]),
    ("event_has_what_its_type_needs", lambda w: [w.event_row(type="conversion")]),
    ("event_has_what_its_type_needs", lambda w: [w.event_row(type="view")]),
    ("outcome_one_a_visitor", twice(lambda w: w.outcome_row())),
    ("rollup_one_a_day_phase_arm_and_segment", twice(lambda w: w.rollup_row())),
    ("rollup_counts_possible", lambda w: [w.rollup_row(visitors=1, clicking_visitors=2)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(visitors=1, converting_visitors=2)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(visitors=1, clicking_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(quarantined_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(bot_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(internal_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(prefetched_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(impossible_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(unexplained_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(burst_visitors=-1)]),
    ("rollup_counts_possible", lambda w: [w.rollup_row(late_visitors=-1)]),
    ("burst_one_a_day", twice(lambda w: w.burst_row())),
    ("sender_count_one_a_slot_sender_arm_and_phase", twice(lambda w: w.sender_row())),
    ("guardrail_one_a_metric_and_goal", twice(lambda w: w.guardrail_row())),
    ("guardrail_metric_known_and_goal_fits", lambda w: [w.guardrail_row(goal="")]),
    ("guardrail_metric_known_and_goal_fits", lambda w: [w.guardrail_row(metric="click_rate")]),
    ("guardrail_metric_known_and_goal_fits", lambda w: [w.guardrail_row(metric="noise")]),
    ("guardrail_margin_range", lambda w: [w.guardrail_row(margin=-0.01)]),
    ("guardrail_margin_range", lambda w: [w.guardrail_row(margin=1.01)]),
    ("secondary_metric_one_a_metric_and_goal", twice(lambda w: w.secondary_row())),
    ("secondary_metric_known_and_goal_fits", lambda w: [w.secondary_row(goal="")]),
    ("secondary_metric_known_and_goal_fits", lambda w: [w.secondary_row(metric="click_rate")]),
    ("secondary_metric_known_and_goal_fits", lambda w: [w.secondary_row(metric="noise")]),
    ("interaction_one_a_pair_of_arms", twice(lambda w: w.interaction_row())),
    ("interaction_figures_possible", lambda w: [w.interaction_row(p_value=1.1)]),
    ("interaction_figures_possible", lambda w: [w.interaction_row(factor=0)]),
    ("CacheWatch.experiment", twice(lambda w: w.watch_row())),
    ("RollupCheck.experiment", twice(lambda w: w.check_row())),
    ("Decision.experiment", twice(lambda w: w.decision_row())),
    ("decision_winner_named", lambda w: [w.decision_row(outcome="winner")]),
    (
        "decision_promotion_keeps_both",
        lambda w: [w.decision_row(promoted_cta=w.b.cta)],
    ),
    ("SnippetSighting.site", twice(lambda w: w.sighting_row())),
    ("Standing.experiment", twice(lambda w: w.standing_row())),
    ("cache_alarm_names_the_arm", lambda w: [w.watch_row(alarmed_at=NOW)]),
    ("FormerClientKey.key", twice(lambda w: w.former_key_row())),
    ("former_client_key_not_empty", lambda w: [w.former_key_row(key="")]),
    (
        "ServerKey.successor",
        lambda w: [
            new := w.key_row(digest="new"),
            w.key_row(digest="a", successor=new),
            w.key_row(digest="b", successor=new),
        ],
    ),
    ("erased_visitor_once_a_site", twice(lambda w: w.erasure_row())),
    ("goal_rollup_one_a_day_phase_arm_and_goal", twice(lambda w: w.goal_rollup_row())),
    ("goal_rollup_counts_possible", lambda w: [w.goal_rollup_row(converting_visitors=-1)]),
    ("goal_rollup_counts_possible", lambda w: [w.goal_rollup_row(goal="")]),
    (
        "currency_rollup_one_a_day_phase_arm_goal_and_currency",
        twice(lambda w: w.currency_rollup_row()),
    ),
    ("currency_rollup_counts_possible", lambda w: [w.currency_rollup_row(conversions=-1)]),
    ("currency_rollup_counts_possible", lambda w: [w.currency_rollup_row(goal="")]),
    ("job_progress_range", lambda w: [w.job_row(progress=1.1)]),
    ("job_one_training_at_a_time", twice(lambda w: w.job_row())),
    ("heartbeat_once_a_process", twice(lambda w: w.heartbeat_row())),
    ("typed_experiment_one_open_a_person", twice(lambda w: w.typed_row())),
    ("TypedExperiment.experiment", twice(lambda w: w.typed_row(experiment=w.experiment))),
    ("typed_cta_one_open_a_person", twice(lambda w: w.typed_cta_row())),
    ("typed_cta_one_a_cta", twice(lambda w: w.typed_cta_row(cta=w.cta))),
    ("TypedCTA.made", twice(lambda w: w.typed_cta_row(made=w.cta))),
    ("approval_one_waits", twice(lambda w: w.approval_row())),
    ("approval_answer_dated", lambda w: [w.approval_row(answered_at=NOW)]),
    ("approval_answer_dated", lambda w: [w.approval_row(state="declined")]),
    ("approval_answer_dated", lambda w: [w.approval_row(state="lost", answered_at=NOW)]),
    ("approval_second_person", lambda w: [w.own_approval_row()]),
    ("past_test_once_a_site", twice(lambda w: w.past_test_row())),
    ("past_test_source_fits", lambda w: [w.past_test_row(experiment=w.experiment)]),
    ("past_test_source_fits", lambda w: [w.past_test_row(source="experiment")]),
    (
        "PastTest.experiment",
        lambda w: [w.own_test_row(), w.own_test_row(digest="another")],
    ),
    ("experiment_template_unique_name", twice(lambda w: w.template_row())),
    ("experiment_template_has_a_name", lambda w: [w.template_row(name="")]),
    (
        "comment_says_something",
        lambda w: [Comment(experiment=w.experiment, at=NOW, text="")],
    ),
    ("learning_says_something", lambda w: [w.learning_row(statement="")]),
    ("learning_has_its_subject", lambda w: [w.learning_row(subject="urgency")]),
    ("learning_has_its_subject", lambda w: [w.learning_row(kind="principle")]),
    ("ShareLink.token_digest", twice(lambda w: w.link_row())),
    ("share_link_ends_after_its_start", lambda w: [w.link_row(expires_at=NOW)]),
    (
        "Notice.occurrence",
        lambda w: [Notice(kind="started", at=NOW, occurrence=w.notice().occurrence)],
    ),
    (
        "notice_read_once",
        twice(lambda w: NoticeRead(notice=w.notice(), user=w.person(), read_at=NOW)),
    ),
    ("NoticeChoice.user", twice(lambda w: NoticeChoice(user=w.person()))),
    (
        "Delivery.message_id",
        lambda w: [
            w.delivery_row(user=w.person(), message_id=ID),
            w.delivery_row(webhook=w.webhook(), message_id=ID),
        ],
    ),
    ("delivery_once_a_reader", twice(lambda w: w.delivery_row(user=w.person()))),
    ("delivery_once_a_webhook", twice(lambda w: w.delivery_row(webhook=w.webhook()))),
    ("delivery_to_one", lambda w: [w.delivery_row()]),
    (
        "delivery_to_one",
        lambda w: [w.delivery_row(user=w.person(), webhook=w.webhook())],
    ),
    ("TaskRun.name", twice(lambda w: TaskRun(name="rollups"))),
    ("order_counts_once", twice(lambda w: w.order_row())),
    ("event_intake_once_an_hour", twice(lambda w: w.intake_row())),
    ("SecretDigest.digest", twice(lambda w: SecretDigest(digest="d", first_used_at=NOW))),
]


@pytest.fixture
def world(db):
    make_partitions([NOW.date()])
    return World()


def _rules():
    """Every rule of the app that has a name: constraints, and columns that are unique."""
    for model in apps.get_app_config("experiments").get_models():
        for constraint in model._meta.constraints:
            yield constraint.name, model, constraint
        for field in model._meta.fields:
            if field.unique and not field.primary_key:
                yield f"{model.__name__}.{field.name}", model, field


RULES = {name: (model, rule) for name, model, rule in _rules()}


def _message_of(name):
    """PostgreSQL names what was broken; SQLite a check, but of a unique index its columns."""
    model, rule = RULES[name]
    if isinstance(rule, models.CheckConstraint):
        return f'CHECK constraint failed: {name}$|check constraint "{name}"'
    fields = rule.fields if isinstance(rule, models.UniqueConstraint) else (rule.name,)
    columns = [model._meta.get_field(field).column for field in fields]
    table = model._meta.db_table
    listed = ", ".join(f"{table}.{column}" for column in columns)
    stored = name if isinstance(rule, models.UniqueConstraint) else f"{table}_{rule.column}.*"
    return f'UNIQUE constraint failed: {listed}$|unique constraint "{stored}"'


@pytest.mark.parametrize(("name", "rows"), REFUSED, ids=[name for name, _ in REFUSED])
def test_database_refuses(world, name, rows):
    *before, broken = rows(world)
    for row in before:
        type(row).objects.bulk_create([row])
    with pytest.raises(IntegrityError, match=_message_of(name)), transaction.atomic():
        type(broken).objects.bulk_create([broken])


def test_every_rule_of_the_database_has_a_case():
    assert {name for name, _ in REFUSED} == set(RULES)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.ARCHIVED])
def test_ended_experiments_leave_the_slot_to_others(world, status):
    end = STARTED + timedelta(days=1)
    ended = {"status": status, "started_at": STARTED, "stopped_at": end}
    world.experiment_row(**ended).save()
    world.experiment_row(key="another", **ended).save()
    assert Experiment.objects.filter(slot=world.slot, status=status).count() == 2


def test_namespaced_experiments_may_share_a_slot(world):
    space = world.namespace_row()
    space.save()
    for key, start, end in (("one", "0", "0.5"), ("two", "0.5", "1")):
        world.rival_row(key=key, namespace=space, namespace_start=start, namespace_end=end).save()
    assert Experiment.objects.filter(namespace=space, status=Status.PAUSED).count() == 2
