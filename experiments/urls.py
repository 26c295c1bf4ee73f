from django.urls import URLPattern, path

from experiments.pages import analyst_table, calculators, documentation, home, shared_reports

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("docs/", documentation.documentation, name="documentation"),
    path("docs/<path:path>", documentation.documentation, name="documentation-file"),
    path("shared/<str:token>/", shared_reports.shared_report, name="shared-report"),
    path("shared/pictures/<str:given>/", shared_reports.shared_picture, name="shared-picture"),
    path("calculators/significance/", calculators.significance, name="calculator-significance"),
    path("calculators/sample-size/", calculators.sample_size, name="calculator-sample-size"),
    path("calculators/traffic-split/", calculators.traffic_split, name="calculator-traffic-split"),
    path("calculators/table/", analyst_table.analyst_table, name="calculator-table"),
]
