"""The archive of past tests."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Substr

from experiments.models import (
    Experiment,
    HistoryArm,
    Job,
    Learning,
    Membership,
    PastTest,
    Rollup,
    Site,
    Tag,
)
from experiments.selectors import reports


def teaching_sites() -> QuerySet[Site]:
    """Return the sites whose past tests the predictor may learn from and show to the others.

    Those that allow it; those that leave it open as long as there is one owner at most; and a
    site that is alone, having no others to show them to.
    """
    if Site.objects.count() == 1:
        return Site.objects.all()
    owners = Membership.objects.filter(role=Membership.Role.OWNER).values("user").distinct()
    said = Q(teaches_others=True)
    open_too = said | Q(teaches_others=None)
    return Site.objects.filter(open_too if owners.count() <= 1 else said)


def wordings_on(sites: QuerySet[Site], *, tests: set[str], texts: set[str]) -> set[tuple[str, str]]:
    """Return those pairs of a test and a wording that past tests of these sites have.

    This service's own experiments give every wording that is asked for: the test's name holds
    the site.
    """
    rows = HistoryArm.objects.filter(site__in=sites, test__in=tests, text__in=texts)
    experiments = Experiment.objects.filter(slot__site__in=sites, key__in=_keys(tests))
    own = {f"{site}:{key}" for site, key in experiments.values_list("slot__site__key", "key")}
    archived = set(rows.values_list("test", "text"))
    return archived | {(test, text) for test in own & tests for text in texts}


def _keys(tests: set[str]) -> set[str]:
    return {test.partition(":")[2] for test in tests}


def history_arms(*, sites: QuerySet[Site] | None = None) -> QuerySet[HistoryArm]:
    """Return the archive of these sites, or of all."""
    rows = HistoryArm.objects.select_related("site").order_by("pk")
    return rows if sites is None else rows.filter(site__in=sites)


def archive_version(*, sites: QuerySet[Site]) -> tuple[Any, ...]:
    """Return a value that differs once a past test of these sites is added or counted anew.

    Two queries; of 300,000 rows they read the numbers only.
    """
    arms = HistoryArm.objects.filter(site__in=sites).aggregate(
        Count("pk"),
        Max("pk"),
        Sum("visitors"),
        Sum("clicks"),
        n_suspect=Count("pk", Q(suspect=True)),
    )
    finished = Rollup.objects.filter(
        segment="",
        experiment__slot__site__in=sites,
        experiment__status__in=Experiment.FINISHED_STATUSES,
    ).aggregate(
        Count("experiment", distinct=True), Max("pk"), Sum("visitors"), Sum("clicking_visitors")
    )
    return (*arms.values(), *finished.values())


def history_locales(*, sites: QuerySet[Site] | None = None) -> list[str]:
    """Return the languages of the archive of these sites, those that are stated."""
    rows = history_arms(sites=sites).select_related(None).exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())


def past_wordings_by_test(site: Site) -> QuerySet[HistoryArm]:
    """Return the archive of a site, the wordings of a test one after the other."""
    rows = HistoryArm.objects.filter(site=site)
    return rows.order_by("test", "context", "audience", "locale", "pk")


def archivable_experiments() -> QuerySet[Experiment]:
    """Return the finished experiments with what their row in the archive needs."""
    rows = reports.experiments_for_report().filter(status__in=Experiment.FINISHED_STATUSES)
    everybody = Rollup.objects.filter(segment="").select_related("variant")
    return rows.prefetch_related(Prefetch("rollups", everybody), "variants__cta__tags")


def experiments_to_archive() -> QuerySet[Experiment]:
    """Return those without a row in the archive, or with one of before their last change."""
    kept = F("past_test__kept_at")
    is_behind = (
        Q(past_test__isnull=True)
        | Q(stopped_at__gte=kept)
        | Q(decision__decided_at__gte=kept)
        | Q(decision__undone_at__gte=kept)
    )
    return archivable_experiments().filter(is_behind).order_by("stopped_at", "pk")


def sites_with_new_imports() -> list[Site]:
    """Return the sites whose imported tests do not add up to those of the archive.

    Two queries that read numbers only. What leaves the sums as they are, such as another date,
    waits for the night.
    """
    arms = _sums(HistoryArm.objects.all(), Count("pk"))
    imported = PastTest.objects.filter(source=PastTest.Source.IMPORT)
    tests = _sums(imported, Sum("n_arms"))
    behind = [pk for pk in arms.keys() | tests.keys() if arms.get(pk) != tests.get(pk)]
    return list(Site.objects.filter(pk__in=behind).order_by("pk"))


def _sums(rows: QuerySet[Any], n_arms: Any) -> dict[int, list[int]]:
    """Return wordings, visitors and clicks by site."""
    sums = rows.order_by().values_list("site").annotate(n_arms, Sum("visitors"), Sum("clicks"))
    return {pk: counts for pk, *counts in sums}


def past_tests(*, sites: QuerySet[Site]) -> QuerySet[PastTest]:
    """Return the archive of these sites, the latest first."""
    rows = PastTest.objects.filter(site__in=sites)
    return rows.select_related("site", "slot", "experiment")


def with_words(rows: QuerySet[PastTest], words: str) -> QuerySet[PastTest]:
    """Return the past tests in which each of these words stands, in a wording or in the name.

    Args:
        rows: Past tests.
        words: Folded words; each may be a part of a longer one.
    """
    return rows.filter(_has_words(words))


def with_words_of_any(rows: QuerySet[PastTest], texts: Iterable[str]) -> QuerySet[PastTest]:
    """Return the past tests that have all words of one of these folded texts; none without any."""
    wanted = Q(pk__in=())
    for text in texts:
        if text.split():
            wanted |= _has_words(text)
    return rows.filter(wanted)


def nearest_first(
    rows: QuerySet[PastTest], words: str, nearest: Sequence[int], *, in_order: bool
) -> QuerySet[PastTest]:
    """Return the past tests that have all the words, or whose key is among the nearest.

    Args:
        rows: Past tests, in an order.
        words: Folded words.
        nearest: Keys of past tests, the nearest first.
        in_order: True to put the nearest first, in their order; the others keep theirs.
    """
    found = rows.filter(Q(pk__in=nearest) | _has_words(words))
    if not in_order or not nearest:
        return found
    places = [When(pk=pk, then=Value(place)) for place, pk in enumerate(nearest)]
    place = Case(*places, default=Value(len(nearest)), output_field=IntegerField())
    return found.order_by(place, *found.query.order_by)


def _has_words(words: str) -> Q:
    return Q(*(Q(words__contains=word) for word in words.split()))


def past_tests_version() -> tuple[Any, ...]:
    """Return what differs once any past test is added, remade or dropped."""
    return _version(PastTest.objects.order_by())


def past_test_of(experiment: Experiment) -> int | None:
    """Return the key of an experiment's row in the archive; None without one."""
    return PastTest.objects.filter(experiment=experiment).values_list("pk", flat=True).first()


def with_entry(rows: QuerySet[PastTest], column: str, entry: str) -> QuerySet[PastTest]:
    """Return the past tests with this principle or tag, by the column that lists them."""
    return rows.filter(**{f"{column}__contains": f"\n{entry}\n"})


def with_tag(rows: QuerySet[PastTest], name: str) -> QuerySet[PastTest]:
    """Return the past tests with this tag: of a CTA, or of the experiment itself."""
    tagged = Experiment.objects.filter(tags__name=name)
    return rows.filter(Q(tags__contains=f"\n{name}\n") | Q(experiment__in=tagged))


def ended_between(
    rows: QuerySet[PastTest], *, first: date | None, last: date | None
) -> QuerySet[PastTest]:
    """Return the past tests that ended between two days, both included; None sets no end."""
    days = {"ended_on__gte": first, "ended_on__lte": last}
    return rows.filter(**{name: day for name, day in days.items() if day is not None})


def owners_of_past_tests(*, sites: QuerySet[Site]) -> QuerySet[User]:
    """Return the people who were responsible for past tests of these sites."""
    # From the few experiments with an owner: from the tests, each would be looked up.
    tests = PastTest.objects.filter(experiment=OuterRef("pk"), site__in=sites)
    owned = Experiment.objects.filter(Exists(tests), owner__isnull=False).order_by()
    return User.objects.filter(pk__in=owned.values("owner")).order_by("username")


def tag_names(*, sites: QuerySet[Site]) -> list[str]:
    """Return the names of the tags of these sites."""
    rows = Tag.objects.filter(site__in=sites).order_by("name")
    return list(rows.values_list("name", flat=True).distinct())


def years_of_past_tests(*, sites: QuerySet[Site]) -> list[int]:
    """Return the years in which past tests of these sites ended, the latest first."""
    # As text: SQLite's dates are text, and Django would take each apart in Python.
    year = Substr(Cast("ended_on", CharField()), 1, 4)
    rows = PastTest.objects.filter(site__in=sites, ended_on__isnull=False).order_by()
    return sorted(map(int, rows.values_list(year, flat=True).distinct()), reverse=True)


def trusted_past_tests(site_pk: int) -> QuerySet[PastTest]:
    """Return the past tests of a site that are not suspect, the latest first."""
    rows = PastTest.objects.filter(site=site_pk, suspect=False).select_related("slot")
    return rows.defer("words")


def own_trusted_tests(site_pk: int) -> QuerySet[PastTest]:
    """Return the finished experiments among `trusted_past_tests`."""
    return trusted_past_tests(site_pk).filter(source=PastTest.Source.EXPERIMENT)


def owned_tests(site_pk: int) -> list[tuple[str, int]]:
    """Return the person responsible for each own past test that counts, empty without one."""
    rows = own_trusted_tests(site_pk).order_by("pk")
    names = rows.values_list("experiment__owner__username", "pk")
    return [(name or "", pk) for name, pk in names]


def tagged_tests(site_pk: int) -> list[tuple[str, int]]:
    """Return each tag of each own past test that counts, empty for one without a tag."""
    rows = own_trusted_tests(site_pk).order_by("pk", "experiment__tags__name")
    return [(name or "", pk) for name, pk in rows.values_list("experiment__tags__name", "pk")]


def trusted_version(site_pk: int) -> tuple[Any, ...]:
    """Return what differs once a past test of a site that counts is added, remade or dropped."""
    return _version(PastTest.objects.filter(site=site_pk, suspect=False).order_by())


def _version(rows: QuerySet[PastTest]) -> tuple[Any, ...]:
    """Return what differs once one of these rows is another.

    A row that is made anew gets the moment: it is the latest, or is one of more with the latest.
    """
    found = rows.aggregate(
        Count("pk"),
        Sum("pk"),
        Sum("visitors"),
        Sum("clicks"),
        Min("digest"),
        Max("digest"),
        latest=Max("kept_at"),
    )
    return (*found.values(), rows.filter(kept_at=found["latest"]).count())


def learnings_of(site: Site) -> QuerySet[Learning]:
    """Return what people wrote about the past tests of a site, the latest first."""
    rows = Learning.objects.filter(site=site).select_related("site", "author")
    return rows.prefetch_related("tests")


def own_past_tests(*, sites: QuerySet[Site]) -> QuerySet[PastTest]:
    """Return the finished experiments of these sites that can be trusted, the latest first."""
    rows = PastTest.objects.filter(
        site__in=sites, source=PastTest.Source.EXPERIMENT, suspect=False, is_simulated=False
    )
    return rows.select_related("experiment").defer("words")


def rankings_against(controls: Collection[str], *, sites: QuerySet[Site]) -> QuerySet[Job]:
    """Return the rankings of these sites in which one of these wordings was the control.

    The latest first; those for no site yet are anybody's who asked, and stay out.
    """
    done = Job.objects.filter(kind=Job.Kind.RANKING, status=Job.Status.DONE, site__in=sites)
    return done.filter(request__control__in=list(controls)).order_by("-created_at", "-pk")[:200]
