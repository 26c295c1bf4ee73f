import numpy as np
import pytest

from ml.scoring.rewordings import best_past, propose
from ml.scoring.similar_wordings import PastWording


def past(text, lift, *, clicks=200, locale="fr", test="t1"):
    return PastWording(
        text=text, test=test, locale=locale, visitors=5_000, clicks=clicks, lift_in_test=lift
    )


def texts(wording, locale, rule):
    return [each.text for each in propose([wording], locale=locale) if each.rule == rule]


@pytest.mark.parametrize(
    ("wording", "forms"),
    [
        ("Télécharger le guide", ["Téléchargez le guide", "Je télécharge le guide"]),
        ("Je crée mon compte", ["Créer mon compte", "Créez votre compte"]),
        ("Voir vos offres", ["Voyez vos offres", "Je vois mes offres"]),
        # The gender of "votre" cannot be known: no first person.
        ("Recevez votre devis", ["Recevoir votre devis"]),
        ("S'inscrire", ["Inscrivez-vous", "Je m'inscris"]),
        (
            "Télécharge le guide",
            ["Télécharger le guide", "Téléchargez le guide", "Je télécharge le guide"],
        ),
    ],
)
def test_french_verb_is_offered_in_its_other_forms(wording, forms):
    assert texts(wording, "fr", "form") == forms


def test_verb_is_replaced_by_those_that_promise_the_same():
    assert texts("Get your guide", "en", "verb") == [
        "Receive your guide",
        "Claim your guide",
        "Grab your guide",
        "Request your guide",
    ]
    assert texts("Join 8,000 readers", "en", "verb") == []


def test_verb_with_a_preposition_is_not_mixed_with_others():
    assert "Profiter de le guide" not in texts("Recevoir le guide", "fr", "verb")
    assert texts("Profiter de l'offre", "fr", "verb") == []


def test_possessive_becomes_the_visitors_own():
    assert texts("Start your trial", "en", "possessive") == ["Start my trial"]


def test_wording_that_says_nothing_is_replaced_as_a_whole():
    made = propose(["Valider"], locale="fr")
    assert {each.rule for each in made} == {"instead_of_vague"}
    assert "Envoyer ma demande" in [each.text for each in made]


def test_fillers_are_left_out():
    assert texts("Please get it here", "en", "shorter") == ["Get it"]


def test_principle_is_added_only_where_it_is_missing_and_marked_as_a_claim():
    made = [each for each in propose(["Get it free"], locale="en") if each.principle]
    assert {each.principle for each in made} == {"urgency", "clarity", "social_proof", "scarcity"}
    assert all(each.is_claim for each in made)
    assert not any(each.is_claim for each in propose(["Valider"], locale="fr"))


def test_long_wording_gets_nothing_appended():
    assert texts("Get the whole long guide for your garden", "en", "principle") == []


@pytest.mark.parametrize(
    ("text", "locale", "added"),
    [
        ("Réserver ma place avant dimanche", "fr", {"reward", "social_proof"}),
        ("Book by Friday", "en", {"reward", "social_proof"}),
        ("Book in 5 minutes", "en", {"reward", "social_proof"}),
        # Two claims are enough.
        ("Get it free before midnight", "en", set()),
        ("Get 10 guides for free", "en", set()),
    ],
)
def test_wording_that_speaks_of_time_gets_no_second_time(text, locale, added):
    made = [each for each in propose([text], locale=locale) if each.principle]
    assert {each.principle for each in made} == added


@pytest.mark.parametrize(
    ("best", "is_claim"),
    [
        ("Entrer gratuitement dimanche", True),
        ("Obtenir 10 % de remise", True),
        ("Rejoignez 8 000 lecteurs", True),
        ("Commencer tout de suite", False),
        ("Commencer avant minuit", True),
        ("Ouvrir un compte", False),
        # The wording at hand makes the same claim.
        ("Ouvrir un compte en 2 minutes", False),
    ],
)
def test_past_winner_with_a_claim_is_marked_whatever_its_source(best, is_claim):
    made = propose(["Créer un compte en 2 minutes"], locale="fr", own_best=[past(best, 0.2)])
    assert [each.is_claim for each in made if each.rule == "own_best"] == [is_claim]


@pytest.mark.parametrize(("text", "first"), [("Start now", "B"), ("start now", "b")])
def test_first_letter_stays_as_it_was(text, first):
    assert propose([text], locale="en")[0].text.startswith(first)


def test_wordings_are_proposed_once_and_never_the_given_ones():
    given = ["Start now", "Begin now"]
    made = [each.text.lower() for each in propose(given, locale="en")]
    assert len(set(made)) == len(made)
    assert not {"start now", "begin now"} & set(made)


def test_limit_is_shared_among_the_wordings():
    made = propose(["Start now", "Get the guide"], locale="en", limit=4)
    assert [each.source for each in made] == ["Start now", "Get the guide"] * 2


def test_language_without_a_lexicon_has_only_the_sites_own():
    own = [past("Jetzt testen", 0.2, locale="de")]
    made = propose(["Anmelden"], locale="de", own_best=own)
    assert [(each.text, each.rule, each.source) for each in made] == [
        ("Jetzt testen", "own_best", "t1")
    ]


def test_best_past_wordings_are_winners_of_the_language_with_the_same_offer_nearest_first():
    rows = [
        past("Near", 0.1),
        past("Nearer", 0.3),
        past("Of another offer", 0.5),
        past("Loser", -0.2),
        past("English", 0.9, locale="en"),
        past("near", 0.1),
    ]
    likeness = np.array([0.5, 0.7, 0.3, 0.9, 0.9, 0.45], dtype=np.float32)
    found = best_past(rows, likeness=likeness, language="fr", count=5)
    assert [each.text for each in found] == ["Nearer", "Near"]
    assert [each.text for each in best_past(rows, likeness=likeness, language="", count=1)] == [
        "English"
    ]
