"""Truth values as people and spreadsheets write them."""

FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "y", "x", "on", "vrai", "oui", "o", "wahr", "ja"), True),
    **dict.fromkeys(("", "0", "false", "no", "n", "off", "faux", "non", "falsch", "nein"), False),
}


def read_flag(text: str) -> bool:
    """Return the truth value of a cell; an empty one is False.

    Args:
        text: Cell as read, in English, French or German.

    Raises:
        ValueError: If it is none.

    >>> read_flag("VRAI"), read_flag("")
    (True, False)
    """
    try:
        return FLAGS[text.strip().casefold()]
    except KeyError:
        raise ValueError(f"is neither yes nor no: {text!r}") from None
