"""Pages of notices: events on a person's sites, and that person's choice of notices."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from experiments.models import Notice
from experiments.selectors import notices as selectors
from experiments.selectors.permissions import VIEW_NOTICES, may
from experiments.services.notices.choices import ON_THE_PAGE, choice_of, keep_choice
from experiments.services.notices.inbox import mark_read
from experiments.services.notices.wording import words_of

LIST, OPEN, READ, CHOICES = (
    f"experiments_notices{page}" for page in ("", "_open", "_read", "_choices")
)
PER_PAGE = 50
View = Callable[..., HttpResponse]


def notice_urls(admin_site: AdminSite) -> list[URLPattern]:
    def of_readers(view: View) -> Any:
        def shown(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            reader = request.user
            if not isinstance(reader, User) or not may(reader, VIEW_NOTICES):
                # Rows that a person may not see do not exist for them.
                raise Http404 if "pk" in kwargs else PermissionDenied
            context = admin_site.each_context(request)
            return view(request, reader=reader, context=context, **kwargs)

        return admin_site.admin_view(shown)

    return [
        path("notices/", of_readers(_list), name=LIST),
        path("notices/<int:pk>/", of_readers(_open), name=OPEN),
        path("notices/read/", require_POST(of_readers(_read)), name=READ),
        path("notices/choices/", of_readers(_choices), name=CHOICES),
    ]


def _list(request: HttpRequest, *, reader: User, context: dict[str, Any]) -> HttpResponse:
    rows = selectors.notices_for(reader, kinds=ON_THE_PAGE, now=timezone.now())
    page = Paginator(selectors.with_what_they_name(rows), PER_PAGE).get_page(
        request.GET.get("page")
    )
    return render(
        request,
        "admin/experiments/notices.html",
        {
            **context,
            "title": _("Notices"),
            "page": page,
            "rows": [(notice, words_of(notice)) for notice in page],
            "failing": selectors.failing_webhooks(reader),
        },
    )


def _open(request: HttpRequest, *, reader: User, context: dict[str, Any], pk: int) -> HttpResponse:
    """Mark a notice as read, and go to the page that it is about."""
    now = timezone.now()
    rows = selectors.notices_for(reader, kinds=ON_THE_PAGE, now=now)
    notice = selectors.with_what_they_name(rows).filter(pk=pk).first()
    if notice is None:
        raise Http404
    mark_read(reader, keys=[pk], now=now)
    return HttpResponseRedirect(words_of(notice).path)


def _read(request: HttpRequest, *, reader: User, context: dict[str, Any]) -> HttpResponse:
    """Mark one notice as read, or all."""
    chosen = request.POST.get("notice", "")
    # A longer number is no key of a row, and no number for the database.
    keys = [int(chosen)] if chosen.isdecimal() and len(chosen) < 19 else None
    if keys is not None or chosen == "all":
        mark_read(reader, keys=keys, now=timezone.now())
    return HttpResponseRedirect(reverse(f"admin:{LIST}"))


def _choices(request: HttpRequest, *, reader: User, context: dict[str, Any]) -> HttpResponse:
    """Show and keep which kinds of notices a person gets by mail and in the menu."""
    if request.method == "POST":
        mail, page = request.POST.getlist("mail"), request.POST.getlist("page")
        keep_choice(reader, mail=mail, page=page)
        messages.success(request, _("Your choice is kept."))
        return HttpResponseRedirect(reverse(f"admin:{CHOICES}"))
    kept = choice_of(reader)
    rows = [
        {
            "kind": kind,
            "is_mailed": kind in kept.mail,
            "is_counted": kind in kept.page,
            "may_count": kind in ON_THE_PAGE,
        }
        for kind in Notice.Kind
    ]
    context |= {
        "title": _("Choice of notices"),
        "rows": rows,
        "sends_mail": settings.CTAOPT_SENDS_MAIL,
    }
    return render(request, "admin/experiments/notice_choices.html", context)
