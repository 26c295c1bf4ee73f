"""Detection of persuasion principles in a wording, by its words."""

import re
from collections.abc import Set
from typing import Literal, get_args

from ml.language.lexicon import Lexicon, Principle, fold, lexicon_for
from ml.language.verbs import opening_of

Trait = Principle | Literal["question", "number"]
# In the order in which pages show them.
TRAITS: tuple[Trait, ...] = (*get_args(Principle), "question", "number")


def find_traits(text: str, locale: str = "") -> Set[Trait]:
    """Return the principles of a wording, and whether it has a question or a number.

    Args:
        text: A wording.
        locale: Language tag; if empty, detected from the text's common words.

    Returns:
        Traits; only `question` and `number` for a language without a lexicon.

    >>> sorted(find_traits("Get my free guide in 2 minutes", "en"))
    ['clarity', 'first_person', 'number', 'reward', 'verb_first']
    >>> sorted(find_traits("Plus que 3 places : inscrivez-vous maintenant", "fr"))
    ['number', 'scarcity', 'urgency']
    """
    lexicon = lexicon_for(text, locale)
    traits: set[Trait] = set() if lexicon is None else _principles(text, lexicon)
    if "?" in text:
        traits.add("question")
    if re.search(r"\d", text):
        traits.add("number")
    return traits


def _principles(text: str, lexicon: Lexicon) -> set[Trait]:
    folded = fold(text)
    traits: set[Trait] = {
        principle for principle, pattern in lexicon.principles.items() if pattern.search(folded)
    }
    if folded.strip(" .!…") in lexicon.vague:
        traits.discard("clarity")
    if opening_of(text, lexicon):
        traits.add("verb_first")
    if lexicon.first_person.search(folded):
        traits.add("first_person")
    return traits
