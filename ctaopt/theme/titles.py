"""Words of the admin's lists and forms that depend on the kind of row, for the theme's templates.

Django puts them together from the name of a model and a sentence of its own ("Ajout de expérience",
"Modification de emplacement"), which no language with genders stands.
"""

import json
from typing import Any, NamedTuple

from django.db.models.options import Options
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Words(NamedTuple):
    """Title of the form of a new row, button that adds one, and sentence of an empty list."""

    new: Text
    add: Text
    empty: Text


WORDS = {
    "experiments.experiment": Words(
        _("New experiment"), _("New experiment"), _("No experiments yet. Create the first one.")
    ),
    "experiments.cta": Words(_("New CTA"), _("New CTA"), _("No CTAs yet. Write the first one.")),
    "experiments.ctawording": Words(_("New wording"), _("Add a wording"), _("No wordings yet.")),
    "experiments.slot": Words(
        _("New slot"),
        _("Add a slot"),
        _("No slots yet. A slot is the place of a button or link on your pages."),
    ),
    "experiments.audience": Words(
        _("New audience"),
        _("Add an audience"),
        _("No audiences yet. Without one, a test is for every visitor."),
    ),
    "experiments.site": Words(
        _("New site"), _("Add a site"), _("No sites yet. Everything begins with yours.")
    ),
    "experiments.tag": Words(_("New tag"), _("Add a tag"), _("No tags yet.")),
    "experiments.namespace": Words(
        _("New namespace"),
        _("Add a namespace"),
        _("No namespaces yet. You need one only to keep tests apart from each other."),
    ),
    "experiments.variant": Words(_("New arm"), _("Add an arm"), _("No arms yet.")),
    "experiments.guardrail": Words(
        _("New guardrail"), _("Add a guardrail"), _("No guardrails yet.")
    ),
    "experiments.secondarymetric": Words(
        _("New secondary metric"), _("Add a secondary metric"), _("No secondary metrics yet.")
    ),
    "experiments.membership": Words(_("New role"), _("Add a role"), _("No roles yet.")),
    "experiments.serverkey": Words(
        _("New server key"), _("Add a server key"), _("No server keys yet.")
    ),
    "experiments.historyarm": Words(
        _("New past wording"),
        _("Add a past wording"),
        _("No past wordings yet. Import past tests."),
    ),
    "experiments.learning": Words(
        _("New learning"),
        _("Write a learning"),
        _("No learnings yet. Write down what a test has taught you."),
    ),
    "experiments.experimenttemplate": Words(
        _("New template"),
        _("Save a template"),
        _("No templates yet. Save one from the report of a test."),
    ),
    "experiments.pasttest": Words(
        _("New past test"),
        _("Add a past test"),
        _("No past tests yet. Finish an experiment or import past tests."),
    ),
    "experiments.job": Words(
        _("New job"), _("Add a job"), _("No jobs yet. Rankings and trainings are listed here.")
    ),
    "experiments.upload": Words(
        _("New import"),
        _("Add an import"),
        _("No imports yet. Files that you upload are listed here."),
    ),
    "experiments.webhook": Words(
        _("New webhook"), _("Add a webhook"), _("No webhooks yet. Messages go by mail only.")
    ),
    "auth.user": Words(_("New person"), _("Add a person"), _("No people yet.")),
    "accounts.loginrecord": Words(_("New log-in"), _("Add a log-in"), _("No log-ins yet.")),
    "ml.predictorversion": Words(
        _("New predictor"), _("Train a predictor"), _("No predictor yet. Train the first one.")
    ),
}


class AdminTitles:
    """Middleware: put the words of the model into what a page of the admin is rendered from."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_template_response(
        self, request: HttpRequest, response: TemplateResponse
    ) -> TemplateResponse:
        context = getattr(response, "context_data", None) or {}
        opts = context.get("opts")
        if opts is not None and opts.label_lower in WORDS and request.resolver_match:
            context["words"] = WORDS[opts.label_lower]
            if "cl" in context:
                context["cl"].words = WORDS[opts.label_lower]
            title = _title(request.resolver_match.url_name or "", opts)
            context.update({"title": title} if title else {})
        if "deleted_objects" in context:
            context["deleted_objects"] = _spaced(context["deleted_objects"])
        for formset in context.get("inline_admin_formsets", ()):
            _name_button(formset)
        return response


def _title(view: str, opts: Options[Any]) -> Text | None:
    """Return the title of a page of Django's; pages of our own have theirs."""
    names: dict[str, Text] = {
        "changelist": capfirst(opts.verbose_name_plural) or "",
        "add": WORDS[opts.label_lower].new,
        "change": capfirst(opts.verbose_name) or "",
        "delete": _("Delete?"),
        "history": _("History"),
    }
    own = f"{opts.app_label}_{opts.model_name}_"
    return names.get(view.removeprefix(own)) if view.startswith(own) else None


def _name_button(formset: Any) -> None:
    """Let the button under the rows of an inline name in its own words what it adds."""
    data = json.loads(formset.inline_formset_data())
    label = formset.opts.model._meta.label_lower
    if label in WORDS:
        data["options"]["addText"] = str(WORDS[label].add)
        formset.inline_formset_data = lambda: json.dumps(data)


def _spaced(lines: list[Any]) -> list[Any]:
    """Return the nested lines "Kind: name" of what would be deleted, with the language's colon."""
    return [_spaced(one) if isinstance(one, list) else _line(one) for one in lines]


def _line(line: str) -> str:
    label, colon, value = line.partition(": ")
    if not colon:
        return line
    text = gettext("%(label)s: %(value)s") % {"label": label, "value": value}
    return mark_safe(text) if isinstance(line, SafeString) else text  # noqa: S308  as it was
