from rest_framework.routers import DefaultRouter

from experiments.api.v1 import views

router = DefaultRouter()
router.register("ctas", views.CTAViewSet)
router.register("audiences", views.AudienceViewSet)
router.register("slots", views.SlotViewSet)
router.register("experiments", views.ExperimentViewSet)

urlpatterns = router.urls
