from django.urls import URLPattern, path

from experiments.pages import home

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
]
