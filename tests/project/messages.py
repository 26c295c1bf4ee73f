"""What there is to translate, and what has been: without GNU gettext, which few machines have."""

import io
from pathlib import Path

import django
import polib
from babel.messages.extract import extract
from django.apps import apps
from django.utils.translation.template import templatize

Message = tuple[str | None, str]  # context and text, the singular one

# What `makemessages` looks for; the numbers are the arguments that hold messages.
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}


def python_messages(source: str) -> set[Message]:
    found = extract("python", io.BytesIO(source.encode()), KEYWORDS, options={"encoding": "utf-8"})
    return {(context, text if isinstance(text, str) else text[-2]) for _, text, _, context in found}


def template_messages(source: str) -> set[Message]:
    # Django blots out what is no message; between brackets the indentation left means nothing.
    return python_messages(f"({templatize(source)})")


def messages_below(folder: Path) -> set[Message]:
    """Return the messages of the modules and templates of a folder."""
    modules = (python_messages(path.read_text()) for path in folder.rglob("*.py"))
    templates = (template_messages(path.read_text()) for path in folder.rglob("*.html"))
    return set().union(*modules, *templates)


def packaged_french() -> set[Message]:
    """Return the messages that Django and the installed apps bring along in French."""
    folders = [Path(django.__path__[0]) / "conf", *(app.path for app in apps.get_app_configs())]
    paths = [Path(folder) / "locale" / "fr" / "LC_MESSAGES" / "django.mo" for folder in folders]
    catalogues = [polib.mofile(str(path)) for path in paths if path.is_file()]
    return {
        (entry.msgctxt, entry.msgid)
        for catalogue in catalogues
        for entry in catalogue.translated_entries()
    }
