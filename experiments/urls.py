from django.urls import URLPattern, path

from experiments.pages import calculators, home

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("calculators/significance/", calculators.significance, name="calculator-significance"),
    path("calculators/sample-size/", calculators.sample_size, name="calculator-sample-size"),
    path("calculators/traffic-split/", calculators.traffic_split, name="calculator-traffic-split"),
]
