"""The floor of the search by meaning: what nonsense and what related wordings find in an archive.

Half of the questions have nothing to do with the archive of the demo: words at random, things and
phrases that the product's own unrelated texts do not have. The others mean what a wording of the
archive says. For each size of the cohort and quantile: the part of each that finds a test. `global`
is the plain rival: one floor for all questions, the quantile of 0.95 of all unrelated texts.
"""

import sys
import tomllib
from itertools import product

import numpy as np
from numpy.typing import NDArray
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.encoders.sentence_encoder import load_encoder
from ml.history.archived_test import ArchivedTest
from ml.search import meaning_index
from ml.search.meaning_index import MeaningIndex, build_index, search_index
from ml.search.unrelated_texts import random_texts

ARCHIVE = PROJECT / "experiments/demo_data/past_tests.toml"
# Of the product's own unrelated texts none is here.
THINGS = {
    "english": "saxophone photosynthesis algebra Napoleon Antarctica hamster basalt cello badger "
    "comet tundra dinosaur eyebrow lizard wizard cucumber uranium ladybird pneumonia marble",
    "french": "algèbre Antarctique comète hamster blaireau dinosaure sourcil lézard concombre "
    "coccinelle pneumonie tarte orage violoncelle ruisseau sorcier basalte saxophone",
}
PHRASES = {
    "english": "my grandmother plays the trombone|the cat of the neighbour|how to repair a tractor|"
    "dinosaurs of the Jurassic|tears of a clown|the wizard and the dragon|rings of Saturn",
    "french": "ma grand-mère joue du trombone|le chat du voisin|les dinosaures du Jurassique|"
    "les larmes d'un clown|le sorcier et le dragon|des concombres au vinaigre",
}
RELATED = {
    "english": "purchase|talk to somebody|free trial|sign up|get a price|book a seat|last places|"
    "add to cart|contact an expert|only a few left|create an account|test for free|"
    "a free month|chat with an advisor|ask for an estimate|limited places",
    "french": "parler à quelqu'un|essai gratuit|s'inscrire|demander un prix|payer|"
    "recevoir des nouvelles|essayer sans payer|gratuit|appeler un conseiller|"
    "dernières places|ouvrir un compte|obtenir un tarif|tester le produit|acheter",
}
COHORTS, QUANTILES, SEED = (10, 20, 30, 60, 120), (0.9, 0.95, 1.0), 2


def main() -> None:
    encoder = load_encoder("")
    index = build_index(archived(), encoder, stamp="s")
    asked = {
        "random": ["xyzzyqq", "asdf", "foo", *random_texts(150, seed=SEED)],
        **{f"{name}_things": text.split() for name, text in THINGS.items()},
        **{f"{name}_phrases": text.split("|") for name, text in PHRASES.items()},
        **{f"{name}_related": text.split("|") for name, text in RELATED.items()},
    }
    vectors = {name: encoder.encode(texts) for name, texts in asked.items()}
    record(
        "meaning_floor",
        {
            "texts": len(index.texts),
            "unrelated": len(index.unrelated),
            "questions": {name: len(texts) for name, texts in asked.items()},
            "chosen": f"{meaning_index.COHORT}, {meaning_index.QUANTILE}",
            "found": {
                f"{cohort}, {quantile}": found(index, vectors, cohort, quantile)
                for cohort, quantile in [*product(COHORTS, QUANTILES), (len(index.unrelated), 0.95)]
            },
        },
    )


def archived() -> list[ArchivedTest]:
    tests = tomllib.loads(ARCHIVE.read_text())["tests"]
    return [
        ArchivedTest(test=at, site=1, texts=tuple(one[0] for one in test["wordings"]))
        for at, test in enumerate(tests)
    ]


def found(
    index: MeaningIndex, asked: dict[str, NDArray[np.float32]], cohort: int, quantile: float
) -> dict[str, float]:
    """Return the part of the questions of each kind that find a test."""
    meaning_index.COHORT, meaning_index.QUANTILE = cohort, quantile
    return {
        name: round(
            float(
                np.mean(
                    [bool(search_index(index, one[None], sites=(1,), count=1)) for one in vectors]
                )
            ),
            3,
        )
        for name, vectors in asked.items()
    }


if __name__ == "__main__":
    main()
