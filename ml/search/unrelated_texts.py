"""Texts that have nothing to do with any test: what a search by meaning compares a question with.

An encoder finds every text somewhat like every other, and short ones, rare ones and those of a
language that it has not learned from more so. What such texts reach in an archive is the measure of
what is nothing there.
"""

import random
from collections.abc import Callable

# Things that no button offers, in English and in French.
WORDS = """
volcano giraffe trombone glacier cathedral beetle neutron kidney parliament sandstone octopus
hurricane asteroid turnip penguin submarine mushroom tractor skeleton pharaoh molecule swamp
hedgehog typhoon fossil rhubarb oboe dolphin lightning castle planet bacteria emperor desert
thigh walnut spider canyon sparrow
volcan girafe trombone cathédrale scarabée rein parlement grès poulpe ouragan astéroïde navet
manchot champignon tracteur squelette pharaon molécule marécage hérisson typhon fossile
rhubarbe hautbois dauphin éclair château planète bactérie empereur désert cuisse noix
araignée gorge moineau montagne neige grenouille forgeron
"""
PHRASES = """
the giraffe sleeps in the rain
a volcano under the ice
history of the Roman empire
quantum physics of neutrons
the bones of the left foot
rain over the mountains
an owl in the barn
how planets were formed
three blind mice
the king and his horses
boiled potatoes with salt
a fox crosses the river
dust on old furniture
the depth of the ocean
lava and ashes
the colour of his eyes
snow in April
moss on a stone
an argument of philosophers
frogs at night
the third violin sonata
a broken wooden leg
roots of an oak
the moon behind clouds
chemistry of iron
grandfather's moustache
wolves in winter
a bridge of stones
the battle of the two armies
swallows fly south
la girafe dort sous la pluie
un volcan sous la glace
histoire de l'Empire romain
physique quantique des neutrons
les os du pied gauche
la pluie sur les montagnes
une chouette dans la grange
la formation des planètes
trois souris aveugles
le roi et ses chevaux
pommes de terre au sel
un renard traverse la rivière
la poussière des vieux meubles
la profondeur de l'océan
la lave et les cendres
la couleur de ses yeux
de la neige en avril
la mousse sur une pierre
une dispute de philosophes
des grenouilles la nuit
la troisième sonate pour violon
une jambe de bois cassée
les racines d'un chêne
la lune derrière les nuages
la chimie du fer
la moustache du grand-père
des loups en hiver
un pont de pierre
la bataille des deux armées
les hirondelles partent au sud
"""
LETTERS, CONSONANTS, VOWELS = "abcdefghijklmnopqrstuvwxyz", "bcdfghjklmnprstvz", "aeiou"
# Random texts, half of them typed at random, half of them pronounceable.
N_RANDOM, SEED = 160, 20_261_130


def unrelated_texts() -> tuple[str, ...]:
    """Return the texts, the same at every call: random ones, words and phrases.

    >>> texts = unrelated_texts()
    >>> "volcano" in texts and "la girafe dort sous la pluie" in texts
    True
    """
    return (*random_texts(N_RANDOM, seed=SEED), *WORDS.split(), *PHRASES.strip().split("\n"))


def random_texts(n: int, *, seed: int) -> list[str]:
    """Return texts of one to three words that mean nothing in any language.

    Args:
        n: Number of texts, >= 0.
        seed: Seed of the generator.

    >>> random_texts(2, seed=1) == random_texts(3, seed=1)[:2]
    True
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    makers = (_pronounceable, _typed)
    return [_words(1 + at // 2 % 3, makers[at % 2], rng) for at in range(n)]


def _words(n: int, make: Callable[[random.Random], str], rng: random.Random) -> str:
    return " ".join(make(rng) for _ in range(n))


def _typed(rng: random.Random) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(3, 9)))


def _pronounceable(rng: random.Random) -> str:
    syllables = range(rng.randint(2, 4))
    return "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in syllables)
