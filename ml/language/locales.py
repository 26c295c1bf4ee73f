"""Language tags: the primary language of a locale."""


def primary_tag(locale: str) -> str:
    """Return the language of a locale, in lower case.

    Args:
        locale: A language tag, or empty.

    >>> primary_tag("fr-CA"), primary_tag("EN_us"), primary_tag("")
    ('fr', 'en', '')
    """
    return locale.replace("_", "-").split("-")[0].lower()
