from allauth.account.decorators import secure_admin_login
from csp.decorators import csp_replace
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.views import set_language
from ctaopt.settings.web_security import PLAIN_SCRIPTS

# Here and not when Django starts: a worker that has only ever served slots and events does without
# the admin, the statistics and the management API, and the hundred megabytes that they take.
admin.autodiscover()
# One way in: the admin's own form would ask for no second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

without_eval = csp_replace({"script-src": PLAIN_SCRIPTS})
docs = SpectacularSwaggerSplitView.as_view(url_name="schema")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("experiments.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("account/", include("accounts.urls")),
    path("i18n/setlang/", set_language, name="set_language"),
    path("api/v1/", include("experiments.api.v1.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", without_eval(docs), name="docs"),
]

handler400 = "ctaopt.refusals.error_pages.bad_request"
handler403 = "ctaopt.refusals.error_pages.permission_denied"
handler404 = "ctaopt.refusals.error_pages.page_not_found"
handler429 = "ctaopt.refusals.error_pages.too_many_requests"
handler500 = "ctaopt.refusals.error_pages.server_error"
