from django.urls import path
from rest_framework.routers import APIRootView, DefaultRouter

from experiments.api.v1 import views
from experiments.api.v1.analyze import AnalyzeView
from experiments.api.v1.archive import PastTestsView
from experiments.api.v1.holdout import HoldoutView
from experiments.api.v1.learnings import LearningsView
from experiments.api.v1.lifecycle.frozen_reports import (
    FrozenReportsView,
    FrozenReportView,
    ShareLinksView,
    ShareLinkView,
)
from experiments.api.v1.management import catalogue
from experiments.api.v1.principles import PrinciplesView
from experiments.api.v1.rankings import RankingsView, RankingView
from experiments.api.v1.visitors import VisitorView


class RootView(APIRootView):
    """Addresses of the lists."""

    permission = "experiments.view_site"


router = DefaultRouter()
router.APIRootView = RootView
# There is one format; `report.json` and the like were answered 500.
router.include_format_suffixes = False
router.register("sites", catalogue.SiteViewSet)
router.register("ctas", catalogue.CTAViewSet)
router.register("audiences", catalogue.AudienceViewSet)
router.register("namespaces", catalogue.NamespaceViewSet)
router.register("slots", catalogue.SlotViewSet)
router.register("experiments", views.ExperimentViewSet)

urlpatterns = [
    # With and without the slash: clients of the command's name do not know Django's habits.
    path("analyze", AnalyzeView.as_view(), name="analyze"),
    path("analyze/", AnalyzeView.as_view(), name="analyze"),
    path("rankings/", RankingsView.as_view(), name="rankings"),
    path("rankings/<int:pk>/", RankingView.as_view(), name="ranking"),
    path("holdout/", HoldoutView.as_view(), name="holdout"),
    path("learnings/", LearningsView.as_view(), name="learnings"),
    path("frozen-reports/", FrozenReportsView.as_view(), name="frozen-reports"),
    path("frozen-reports/<int:pk>/", FrozenReportView.as_view(), name="frozen-report"),
    path("frozen-reports/<int:pk>/links/", ShareLinksView.as_view(), name="frozen-links"),
    path("share-links/<int:pk>/", ShareLinkView.as_view(), name="share-link"),
    path("past-tests/", PastTestsView.as_view(), name="past-tests"),
    path("principles/", PrinciplesView.as_view(), name="principles"),
    # A visitor may end with a slash: with one more behind it, it does.
    path("visitors/<path:visitor>/", VisitorView.as_view(), name="visitor"),
    path("visitors/<path:visitor>", VisitorView.as_view(), name="visitor"),
    *router.urls,
]
