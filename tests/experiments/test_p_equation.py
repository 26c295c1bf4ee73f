import pytest
from django.utils import translation

from experiments.templatetags.cta_format import p_equation


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0169, "= 0.0169"),
        (1e-6, '<span title="1.0e-6">&lt; 0.0001</span>'),
        (0.0, "&lt; 0.0001"),
        (None, "= -"),
    ],
)
def test_p_has_one_sign(value, text):
    assert text in p_equation(value).replace("e-0", "e-")


def test_p_speaks_french():
    with translation.override("fr"):
        assert p_equation(0.0169) == "= 0,0169"
