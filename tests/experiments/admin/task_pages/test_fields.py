from django import forms
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelectWidget

from experiments.admin.task_pages.fields import make_plain


def test_widget_of_the_theme_becomes_djangos_own_with_its_choices():
    field = forms.ChoiceField(choices=[("a", "A")], widget=UnfoldAdminSelectWidget)
    plain = make_plain(field).widget
    assert type(plain) is forms.Select
    assert list(plain.choices) == [("a", "A")]
    assert "class" not in plain.attrs


def test_colour_stays_one():
    field = forms.CharField(widget=UnfoldAdminColorInputWidget)
    plain = make_plain(field).widget
    assert type(plain) is forms.TextInput
    assert plain.input_type == "color"


def test_widget_of_our_own_stays():
    widget = forms.TextInput(attrs={"class": "mine"})
    assert make_plain(forms.CharField(widget=widget)).widget.attrs == {"class": "mine"}
