from django.http import QueryDict

from experiments.admin.editing.kept_fields import data_of, fields_of_post


def test_only_fields_of_the_page_are_kept():
    sent = QueryDict("name=a&wording_en=b&wording_en=c&csrfmiddlewaretoken=x&action=save")
    kept = fields_of_post(sent, {"name", "size"}, ("wording_",))
    assert kept == {"name": ["a"], "wording_en": ["b", "c"]}


def test_kept_fields_come_back_over_the_defaults():
    data = data_of({"size": ["large"], "tags": ["a", "b"]}, {"size": "medium", "form": "link"})
    assert (data["size"], data["form"], data.getlist("tags")) == ("large", "link", ["a", "b"])
