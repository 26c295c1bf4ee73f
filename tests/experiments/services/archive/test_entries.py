from experiments.services.archive.entries import ArmEntry, between_lines, columns_of, folded


def entry(text, **changes):
    values = {"visitors": 10, "clicks": 1, "rate": 0.1, "is_control": False, "log": None}
    values |= {"variance": None, "principles": (), "verb_form": ""}
    return ArmEntry(text=text, **(values | changes))


def test_columns_add_the_arms_and_name_each_principle_once():
    arms = [entry("Now", principles=("urgency",)), entry("Free now", principles=("urgency",))]
    columns = columns_of(arms, tags=("b", "a"))
    assert (columns["n_arms"], columns["visitors"], columns["clicks"]) == (2, 20, 2)
    assert (columns["principles"], columns["tags"]) == ("\nurgency\n", "\na\nb\n")
    assert columns["arms"][1]["text"] == "Free now"


def test_nothing_between_lines_is_empty():
    assert between_lines([]) == ""


def test_folding_drops_case_accents_and_empty_texts():
    assert folded("Où ÊTES-vous", "", "Straße") == "ou etes-vous strasse"
