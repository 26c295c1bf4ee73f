from dataclasses import replace
from decimal import Decimal

import pytest

from experiments.models import CTA, Audience, Experiment
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.building import build_experiment, default_name
from tests import factories
from tests.factories import NOW


def test_experiment_has_arms_with_texts_of_every_language(choices):
    draft = build_experiment(choices, now=NOW)
    arms = list(draft.variants.order_by("arm"))
    assert arms[0].cta == choices.slot.default_cta
    assert sum(arm.share for arm in arms) == Decimal(1)
    assert {row.locale for row in arms[1].cta.wordings.all()} == {"en", "fr"}


def test_same_wordings_are_the_same_ctas(choices):
    build_experiment(choices, now=NOW)
    before = CTA.objects.count()
    build_experiment(choices, now=NOW)
    assert CTA.objects.count() == before
    assert Experiment.objects.values("key").distinct().count() == 2


def test_default_names_are_numbered(choices):
    names = [build_experiment(choices, now=NOW).name for _ in range(3)]
    assert names == ["Wordings on Hero", "Wordings on Hero (2)", "Wordings on Hero (3)"]
    assert default_name(choices.slot) == "Wordings on Hero (4)"


def test_new_audience_gets_a_free_key(choices):
    factories.make_audience(choices.slot.site, "phones")
    asked = replace(choices, new_audience="Phones", condition={"device": "mobile"})
    assert build_experiment(asked, now=NOW).audience.key == "phones-2"
    named = replace(choices, new_audience="日本", condition={})
    assert build_experiment(named, now=NOW).audience.key == "audience"


def test_goals_that_must_not_lose_are_guardrails(choices):
    draft = build_experiment(replace(choices, guarded_goals=("sale",)), now=NOW)
    assert [(one.metric, one.goal) for one in draft.guardrails.all()] == [
        ("conversion_rate", "sale")
    ]


def test_broken_rule_leaves_nothing_behind(choices):
    before = CTA.objects.count()
    asked = replace(choices, new_audience="Phones", metric="conversion_rate", goal="")
    with pytest.raises(CannotSaveError, match="needs a goal"):
        build_experiment(asked, now=NOW)
    assert CTA.objects.count() == before
    assert not Audience.objects.exists()
