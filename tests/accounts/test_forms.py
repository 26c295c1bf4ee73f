from accounts.forms import PreferencesForm, time_zones


def test_zones_to_choose_from_are_places():
    names = [name for name, _ in time_zones()]
    assert {"Europe/Paris", "America/New_York", "UTC"} <= set(names)
    assert not [name for name in names if name.startswith("Etc/")]


def test_made_up_values_are_refused_beside_their_fields():
    form = PreferencesForm({"language": "xx", "time_zone": "Mars/Base", "theme": "pink"})
    assert set(form.errors) == {"language", "time_zone", "theme"}
