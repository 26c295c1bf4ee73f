"""POST /api/v1/rankings/: rank wordings, at once by the scoring service or by a worker."""

from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from experiments import tasks
from experiments.api.v1.authentication import may, person_of, sites_where
from experiments.api.v1.serializers import StrictSerializer
from experiments.models import Job, ServerKey, Site
from experiments.selectors.permissions import rows_where
from experiments.services.learning.jobs import create_job, keep_answer
from experiments.services.learning.ranking import rank_at_once
from experiments.services.learning.ranking_presentation import ranking_for_programs
from experiments.services.monitoring.standstill import no_worker_runs
from ml import predict


class RankingSerializer(StrictSerializer):
    """Wordings to rank, with their context."""

    wordings = serializers.ListField(
        child=serializers.CharField(max_length=predict.PAGE_LENGTH),
        min_length=1,
        max_length=predict.PAGE_WORDINGS,
    )
    control = serializers.CharField(max_length=predict.PAGE_LENGTH)
    locale = serializers.CharField(max_length=35, required=False, default="")
    audience = serializers.CharField(max_length=100, required=False, default="")
    form = serializers.ChoiceField(["", "button", "link", "spoken"], required=False, default="")
    placement = serializers.CharField(max_length=20, required=False, default="")
    site = serializers.CharField(
        max_length=50,
        required=False,
        default="",
        help_text="For staff with several sites: key of the site that it is for.",
    )


class RankingAnswerSerializer(serializers.Serializer[Any]):
    """A ranking and its state; `ranking` is null until it is done."""

    id = serializers.IntegerField()
    url = serializers.URLField()
    status = serializers.ChoiceField(Job.Status.choices)
    message = serializers.CharField(allow_blank=True)
    no_worker = serializers.BooleanField(help_text="It waits, and no worker is running.")
    ranking = serializers.DictField(allow_null=True)


class RankingsView(APIView):
    """Rank wordings against a control; the answer is docs/prediction.md's."""

    permission = "experiments.add_job"
    scope = ServerKey.Scope.ANALYSE

    @extend_schema(
        request=RankingSerializer,
        responses={200: RankingAnswerSerializer, 202: RankingAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Answer 200 with the ranking, or 202 with the address where it will be."""
        serializer = RankingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        site = self._site(request, serializer.validated_data.pop("site"))
        by = person_of(request)
        job_request = {
            **serializer.validated_data,
            "wordings": list(dict.fromkeys(serializer.validated_data["wordings"])),
            "site": site.key if site else None,
        }
        ranking = rank_at_once(job_request)
        if ranking is not None:
            job = keep_answer(
                kind=Job.Kind.RANKING, request=job_request, result=ranking, by=by, site=site
            )
            return Response(_answer(job, request))
        job = create_job(
            kind=Job.Kind.RANKING, request=job_request, by=by, now=timezone.now(), site=site
        )
        # The worker must find the row.
        transaction.on_commit(lambda: tasks.do_job.delay(job.pk))
        return Response(_answer(job, request), status=202)

    def _site(self, request: Request, key: str) -> Site | None:
        """Return the site that is named, or the only one there is; None if it is open."""
        if key:
            named = get_object_or_404(sites_where(request.user, "experiments.view_site"), key=key)
            if not may(request.user, self.permission, named):
                raise PermissionDenied
            return named
        first = list(sites_where(request.user, self.permission)[:2])
        return first[0] if len(first) == 1 else None


class RankingView(APIView):
    """One ranking: its state, and the answer once it is done."""

    permission = "experiments.view_job"
    # Whoever may ask may read the answer.
    scope = ServerKey.Scope.ANALYSE

    @extend_schema(responses=RankingAnswerSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return the state and, once it is done, the ranking."""
        # Long lists of the wording lab are no rankings: they have no control and no chances.
        rows = Job.objects.filter(kind=Job.Kind.RANKING).exclude(request__has_key="is_list")
        person = person_of(request)
        if person is None:
            rows = rows.filter(site__in=sites_where(request.user, self.permission))
        else:
            rows = rows_where(person, self.permission, rows)
        return Response(_answer(get_object_or_404(rows, pk=pk), request))


def _answer(job: Job, request: Request) -> dict[str, Any]:
    return {
        "id": job.pk,
        "url": reverse("ranking", args=[job.pk], request=request),
        "status": job.status,
        "message": job.message,
        # Whoever waits in vain learns it at once.
        "no_worker": job.finished_at is None and no_worker_runs(now=timezone.now()),
        "ranking": ranking_for_programs(job.result, job.request) if job.result else None,
    }
