import pytest

from tables.flags import read_flag


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "VRAI", "oui", "Yes", "x", "WAHR", " ja "])
def test_yes_is_read_in_each_spelling(text):
    assert read_flag(text) is True


@pytest.mark.parametrize("text", ["", "0", "false", "FAUX", "non", "No", "nein"])
def test_no_is_read_in_each_spelling(text):
    assert read_flag(text) is False


@pytest.mark.parametrize("text", ["maybe", "2", "-", "01"])
def test_another_text_is_refused(text):
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_flag(text)
