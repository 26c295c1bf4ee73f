import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from experiments.models import Job
from experiments.services.learning import wording_lab as subject
from experiments.services.learning.wording_lab import MOST_WORDINGS
from ml import predict
from tests.factories import NOW

LAB = "admin:experiments_job_lab"


def sort(client, **data):
    return client.post(reverse(LAB), {"locale": "en", "column": "", "wordings": ""} | data)


def file_of(text):
    return SimpleUploadedFile("list.csv", text.encode())


@pytest.fixture
def sorted_list(db, owner):
    """A list of sixty wordings that a worker has sorted."""
    texts = [f"Get guide {number}" for number in range(58)] + ["<b>Buy</b>", "Get it today"]
    rows = [
        {"text": text, "score": 1 - rank / 60, "known_share": 0.5, "rank": rank,
         "principles": ["urgency"] if "today" in text else []}
        for rank, text in enumerate(texts, start=1)
    ]  # fmt: skip
    return Job.objects.create(
        kind=Job.Kind.RANKING, status=Job.Status.DONE, language="en", created_by=owner,
        request={"is_list": True, "wordings": texts, "locale": "en"},
        result={"predictor": 3, "fidelity": 0.91, "wordings": rows},
        created_at=NOW, heartbeat_at=NOW, finished_at=NOW,
    )  # fmt: skip


def page_of(client, job, **query):
    return client.get(reverse("admin:experiments_job_watch", args=[job.pk]), query)


def test_pasted_list_is_sorted_by_the_worker(
    admin_client, monkeypatch, django_capture_on_commit_callbacks
):
    def rank_list(texts):
        rows = [{"text": text, "score": 0.0, "known_share": 1.0} for text in reversed(texts)]
        return {"predictor": 3, "fidelity": None, "wordings": rows}

    monkeypatch.setattr(predict, "rank_list", rank_list)
    with django_capture_on_commit_callbacks(execute=True):
        answer = sort(admin_client, wordings="Buy\nTry\n\nBuy")
    job = Job.objects.get()
    assert answer["Location"] == reverse("admin:experiments_job_watch", args=[job.pk])
    assert (job.request["wordings"], job.request["locale"]) == (["Buy", "Try"], "en")
    assert [row["text"] for row in job.result["wordings"]] == ["Try", "Buy"]
    assert "Repeated and left out: 1" in page_of(admin_client, job).content.decode()


def test_column_of_a_file_is_kept_with_the_job_and_named_on_its_page(admin_client):
    rows = [f"{number},Buy {number}" for number in range(50)]
    text = "\n".join(["id,Wording", *rows, "50,Buy 0", f"51,{'x' * (predict.PAGE_LENGTH + 1)}"])
    page = admin_client.get(sort(admin_client, file=file_of(text))["Location"]).content.decode()
    job = Job.objects.get()
    assert job.request["wordings"] == [f"Buy {number}" for number in range(50)]
    assert "File “list.csv”, column “Wording”." in page
    assert "The file has other columns: id." in page
    assert "50 different wordings." in page
    assert "Repeated and left out: 1" in page
    assert f"Longer than {predict.PAGE_LENGTH} characters and left out: 1" in page
    assert "Buy 9<" in page
    assert "Buy 10" not in page


def test_what_was_pasted_beside_a_file_is_not_lost(admin_client):
    answer = sort(admin_client, wordings="Typed\nby hand", file=file_of("a\nBuy\n"))
    page = answer.content.decode()
    assert "Paste wordings or choose a file, not both." in page
    assert "Typed\nby hand</textarea>" in page
    assert not Job.objects.exists()


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_list_of_a_job_that_failed_is_sorted_again(admin_client, sorted_list, status):
    Job.objects.update(status=status, result=None)
    page = page_of(admin_client, sorted_list).content.decode()
    again = reverse("admin:experiments_job_again", args=[sorted_list.pk])
    assert again in page
    assert "Get guide 9<" in page
    answer = admin_client.post(again)
    job = Job.objects.exclude(pk=sorted_list.pk).get()
    assert answer["Location"] == reverse("admin:experiments_job_watch", args=[job.pk])
    assert (job.status, job.request) == ("queued", sorted_list.request)


def test_job_that_is_done_is_not_tried_again(admin_client, sorted_list):
    again = reverse("admin:experiments_job_again", args=[sorted_list.pk])
    assert again not in page_of(admin_client, sorted_list).content.decode()
    page = admin_client.post(again, follow=True).content.decode()
    assert "Only a ranking that failed or was stopped is tried again." in page
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "There is no wording to sort."),
        ({"wordings": "\n".join(map(str, range(MOST_WORDINGS + 1)))}, "at most 10,000"),
        ({"file": "a,b\nx,y\n", "column": "c"}, "no column “c”. It has: a, b."),
        ({"file": "\n"}, "cta-form"),
    ],
    ids=["nothing", "too many", "no such column", "no table"],
)
def test_list_that_cannot_be_sorted_is_refused(admin_client, data, said):
    if "file" in data:
        data = data | {"file": file_of(data["file"])}
    answer = sort(admin_client, **data)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Job.objects.exists()


def test_sorted_list_is_paged_and_escaped(admin_client, sorted_list):
    first = page_of(admin_client, sorted_list).content.decode()
    assert "60 wordings, sorted by a small copy of predictor 3." in first
    assert "0.91" in first
    assert "Get guide 0" in first
    assert "Get guide 30" not in first
    assert "Page 1 of 3" in first
    last = page_of(admin_client, sorted_list, page=3).content.decode()
    assert "&lt;b&gt;Buy&lt;/b&gt;" in last
    assert "<b>Buy</b>" not in last


def test_page_of_a_sorted_list_does_not_read_the_list_once_more(
    admin_client, sorted_list, django_assert_max_num_queries
):
    sorted_list.result |= {"typed": subject.list_in_words(sorted_list.request), "locale": "en"}
    sorted_list.save()
    with django_assert_max_num_queries(30) as queries:
        page = page_of(admin_client, sorted_list).content.decode()
    assert "60 different wordings." in page
    assert not [one for one in queries.captured_queries if '_job"."request"' in one["sql"]]


def test_list_is_filtered_by_its_address(admin_client, sorted_list):
    page = page_of(admin_client, sorted_list, text="TODAY", principle="urgency").content.decode()
    assert "Get it today" in page
    assert "Wordings shown: 1" in page
    assert (
        "No wording of the list"
        in page_of(admin_client, sorted_list, text="nothing").content.decode()
    )


def test_filter_that_makes_no_sense_is_named(admin_client, sorted_list):
    page = page_of(admin_client, sorted_list, shortest="many", principle="luck").content.decode()
    assert "errorlist" in page
    assert "Wordings shown: 60" in page


def test_shown_wordings_leave_as_a_file(admin_client, sorted_list):
    answer = page_of(admin_client, sorted_list, text="today", format="csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert b"Get it today" in answer.content
    assert b"Get guide" not in answer.content
    workbook = page_of(admin_client, sorted_list, format="xlsx")
    assert workbook.content.startswith(b"PK")


def test_chosen_wordings_fill_the_ranking_with_reasons(admin_client, sorted_list):
    query = {"wording": ["Buy", "Try it"], "locale": "en"}
    page = admin_client.get(reverse("admin:experiments_job_rank"), query).content.decode()
    assert "Buy\nTry it</textarea>" in page
    assert '<option value="en" selected>' in page


def test_sorted_list_makes_no_draft(admin_client, sorted_list):
    url = reverse("admin:experiments_job_draft", args=[sorted_list.pk])
    assert admin_client.post(url, {"wording": ["Buy"]}).status_code == 404


def test_list_of_jobs_does_not_read_the_wordings(
    admin_client, sorted_list, django_assert_max_num_queries
):
    url = reverse("admin:experiments_job_changelist")
    with django_assert_max_num_queries(30) as queries:
        assert admin_client.get(url).status_code == 200
    assert not [one for one in queries.captured_queries if '_job"."result"' in one["sql"]]


def test_sorted_list_is_no_ranking_of_the_api(admin_client, sorted_list):
    answer = admin_client.get(f"/api/v1/rankings/{sorted_list.pk}/")
    assert answer.status_code == 404, json.loads(answer.content)


def test_large_file_is_refused_once_beside_its_field(admin_client, settings):
    settings.CTAOPT_MAX_UPLOAD_BYTES = 300_000
    page = sort(admin_client, file=file_of("x" * 250_000)).content.decode()
    assert page.count("<li>The file is larger than 195.3") == 1
    assert "There is no wording to sort." not in page
    assert 'data-most-bytes="200000"' in page
    assert not Job.objects.exists()
