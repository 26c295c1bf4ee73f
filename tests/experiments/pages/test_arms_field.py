import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from experiments.pages.arms_field import MESSAGES, ArmsField

FIELD = ArmsField(columns={"visitors": "visiteurs", "share": "part"}, fractions=("share",))
CLICKS = ArmsField(columns={"visitors": "visiteurs", "clicks": "clics"}, is_falling=True)
FAULTS = {
    "no_numbers": "A 100 5\nB",
    "several_splits": "A 12 800 500\nB 12 900 580",
    "empty": "A;100;5\nB;;5",
    "not_a_number": "A 100 5\nB many 5",
    "not_whole": "A 100,5 5\nB 100 5",
    "ambiguous": "A 100,000 500\nB 100,000 500",
}


def test_decimal_comma_of_a_french_page_is_read():
    with override("fr"):
        assert FIELD.clean("A 5000 33,333\nB 5000 66,667")[0]["share"] == 33.333


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("problem", sorted(MESSAGES))
def test_each_fault_is_named_in_each_language(problem, language):
    text = FAULTS[problem]
    if problem == "ambiguous" and language == "en":
        text = text.replace(",", ".")
    with override(language), pytest.raises(ValidationError) as refused:
        CLICKS.clean(text)
    (message,) = refused.value.messages
    with override(language):
        assert message.startswith(str(MESSAGES[problem]).split("%", 1)[0])
    assert "%" not in message


def test_possible_readings_are_written_in_the_language_of_the_page():
    field = ArmsField(columns={"share": "part"}, fractions=("share",))
    with override("de"), pytest.raises(ValidationError) as refused:
        field.clean("A 1.234\nB 2")
    assert "1,234" in refused.value.messages[0]


@pytest.mark.parametrize("n_arms", [1, 21])
def test_number_of_arms_is_limited(n_arms):
    with pytest.raises(ValidationError, match="Write 2 to 20 arms"):
        CLICKS.clean("\n".join(f"A{at} 100 5" for at in range(n_arms)))


@pytest.mark.parametrize(
    "row", ["Total 2000 110", "Total général;2000;110", "Σ\t2000\t110", "A total;1000;50"]
)
def test_row_of_totals_is_no_arm(row):
    with pytest.raises(ValidationError, match="is a row of totals and no arm"):
        CLICKS.clean(f"A;1000;50\nB;1000;60\n{row}")


def test_shares_do_not_add_up_visitors():
    lines = FIELD.clean("A;500;25\nB;500;25\nC;1001;50")
    assert [line["share"] for line in lines] == [25, 25, 50]
