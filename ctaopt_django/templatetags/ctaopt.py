"""{% cta %} and {% cta_script %}: see docs/server-rendering.md."""

from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ctaopt_django.html import default_cta, filled_cta
from ctaopt_django.visit import GRANTED, Visit, option, visit_of

register = template.Library()


class CtaNode(template.Node):
    def __init__(
        self, slot: FilterExpression, options: dict[str, FilterExpression], default: NodeList
    ) -> None:
        self._slot = slot
        self._options = options
        self.nodelist = default

    def render(self, context: Context) -> SafeString:
        slot = str(self._slot.resolve(context))
        attributes = {
            name.replace("_", "-"): str(value.resolve(context))
            for name, value in self._options.items()
        }
        tag = attributes.pop("tag", "")
        flag = _visit(context).flags.get(slot)
        if flag is None:
            text = SafeString(self.nodelist.render(context).strip())
            return default_cta(slot, text, attributes=attributes, tag=tag)
        return filled_cta(flag, attributes=attributes, tag=tag)


@register.tag
def cta(parser: Parser, token: Token) -> CtaNode:
    """Render {% cta "hero-signup" href="/signup" class="button" %}Sign up{% endcta %}."""
    _, *words = token.split_contents()
    if not words:
        raise template.TemplateSyntaxError("cta: name the slot")
    options = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise template.TemplateSyntaxError(f"cta: write name=value, not {word!r}")
        options[name] = parser.compile_filter(value)
    default = parser.parse(("endcta",))
    parser.delete_first_token()
    return CtaNode(parser.compile_filter(words[0]), options, default)


@register.simple_tag(takes_context=True)
def cta_script(context: Context, path: str = "/cta.js", **attributes: Any) -> SafeString:
    """Render {% cta_script %}, or {% cta_script "/cta-0.2.0.js" integrity="sha384-..." %}."""
    visit = _visit(context)
    own = {"data-key": option("KEY"), "data-visitor": _visitor_to_tell(visit)}
    own["data-domain"] = option("COOKIE_DOMAIN")
    if visit.wish != GRANTED:
        own["data-consent"] = visit.wish
    if own["data-visitor"]:
        visit.is_personal = True
    if "integrity" in attributes:
        own["crossorigin"] = "anonymous"
    written = [(name, value) for name, value in {**own, **attributes}.items() if value]
    return format_html(
        '<script async src="{}{}"{}></script>',
        option("URL", "").rstrip("/"),
        path,
        format_html_join("", ' {}="{}"', written),
    )


def _visitor_to_tell(visit: Visit) -> str | None:
    """The id that the snippet cannot know: the site's own, or one that is not kept."""
    if visit.mode == GRANTED:
        return visit.own_visitor
    return visit.visitor


def _visit(context: Context) -> Visit:
    request = context.get("request")
    if request is None:
        raise template.TemplateSyntaxError(
            "cta: the context has no request; add the context processor "
            "django.template.context_processors.request"
        )
    return visit_of(request)
