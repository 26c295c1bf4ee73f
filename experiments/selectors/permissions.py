"""Permissions of people: the role that each action needs, and the sites on which they have it.

Pages, the management API and the admin ask `may` and `sites_where`. What no role is named for is
for superusers only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, Q, QuerySet

from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Experiment,
    ExperimentTemplate,
    Guardrail,
    HistoryArm,
    Job,
    Learning,
    Membership,
    Namespace,
    PastTest,
    SecondaryMetric,
    ServerKey,
    Site,
    Slot,
    Tag,
    Upload,
    Variant,
    Webhook,
)

Person = User | AnonymousUser
Role = Membership.Role
RANKS = {role: rank for rank, role in enumerate(Role)}

# The path from a row to its site.
SITE_LOOKUPS: Mapping[type[Model], str] = MappingProxyType(
    {
        Site: "pk",
        ServerKey: "site",
        Membership: "site",
        Webhook: "site",
        Tag: "site",
        CTA: "site",
        CTAWording: "cta__site",
        Audience: "site",
        Slot: "site",
        Namespace: "site",
        HistoryArm: "site",
        PastTest: "site",
        Learning: "site",
        Job: "site",
        Upload: "site",
        ExperimentTemplate: "site",
        Experiment: "slot__site",
        Variant: "experiment__slot__site",
        Guardrail: "experiment__slot__site",
        SecondaryMetric: "experiment__slot__site",
    }
)
EDITED = (
    *(CTA, CTAWording, Audience, Slot, Tag, Namespace),
    *(Experiment, Variant, Guardrail, SecondaryMetric, Learning, ExperimentTemplate),
)
USE_CALCULATORS = "experiments.use_calculators"
APPROVE = "experiments.approve_experiment"
# A frozen report stays on the site; a link shows it to anybody who has the link.
FREEZE = "experiments.add_frozenreport"
SHARE = "experiments.add_sharelink"
ANNOTATE = "experiments.add_annotation"
COMMENT = "experiments.add_comment"
TRAIN = "experiments.train_predictor"
VIEW_TRAINING = "experiments.view_training"
# By kind of what is imported: what writes the same by hand needs the same role.
IMPORT: Mapping[str, str] = MappingProxyType(
    {
        Upload.Kind.HISTORY: "experiments.import_history",
        Upload.Kind.WORDINGS: "experiments.add_cta",
        Upload.Kind.EVENTS: "experiments.import_events",
    }
)
# What runs and what stands still: it concerns whoever reads a report.
VIEW_SYSTEM = "experiments.view_system"
VIEW_NOTICES = "experiments.view_notice"


# What is more than to see or edit rows.
OTHER_ROLES: Mapping[str, Membership.Role] = MappingProxyType(
    {
        USE_CALCULATORS: Role.VIEWER,
        VIEW_TRAINING: Role.VIEWER,
        "ml.view_predictorversion": Role.VIEWER,
        VIEW_SYSTEM: Role.VIEWER,
        APPROVE: Role.MARKETER,
        FREEZE: Role.ANALYST,
        SHARE: Role.MARKETER,
        ANNOTATE: Role.ANALYST,
        COMMENT: Role.ANALYST,
        VIEW_NOTICES: Role.VIEWER,
        "experiments.add_job": Role.ANALYST,
        "experiments.view_upload": Role.ANALYST,
        "experiments.import_history": Role.ANALYST,
        "experiments.import_events": Role.OWNER,
        TRAIN: Role.ANALYST,
        "experiments.delete_job": Role.MARKETER,
        "experiments.delete_historyarm": Role.OWNER,
        "experiments.change_site": Role.OWNER,
        "experiments.delete_site": Role.OWNER,
        # An erasure of a visitor.
        "experiments.change_event": Role.OWNER,
        "ml.change_predictorversion": Role.OWNER,
    }
)


def permission_name(verb: str, model: type[Model]) -> str:
    """Return Django's name of a permission: that of the app, the verb and the model."""
    return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"


def _least_roles() -> dict[str, Membership.Role]:
    viewed = {
        permission_name("view", model): Role.VIEWER
        for model in (*EDITED, Site, HistoryArm, PastTest, Job)
    }
    edited = {
        permission_name(verb, model): Role.MARKETER
        for model in EDITED
        for verb in ("add", "change", "delete")
    }
    owned = {
        permission_name(verb, model): Role.OWNER
        for model in (ServerKey, Membership, Webhook)
        for verb in ("view", "add", "change", "delete")
    }
    return {
        **viewed,
        **edited,
        **owned,
        **OTHER_ROLES,
    }


LEAST_ROLES: Mapping[str, Membership.Role] = MappingProxyType(_least_roles())
# What concerns the installation as a whole needs its role on every site.
ON_EVERY_SITE = frozenset({TRAIN, VIEW_TRAINING, "ml.change_predictorversion"})


def may(person: Person, permission: str, row: Model | None = None) -> bool:
    """Return whether a person has a permission: for this row, or without one on any site.

    A row of no site, such as a training, needs the role on every site.
    """
    if _is_superuser(person):
        return True
    least = LEAST_ROLES.get(permission)
    if least is None:
        return False
    roles = site_roles(person)
    if row is not None and permission not in ON_EVERY_SITE:
        site_id = site_id_of(row)
        if site_id is not None:
            return _suffices(roles.get(site_id), least)
    elif permission not in ON_EVERY_SITE:
        return any(_suffices(role, least) for role in roles.values())
    return _on_every_site(roles, least)


def sites_where(person: Person, permission: str) -> QuerySet[Site]:
    """Return the sites on which a person has a permission."""
    if _is_superuser(person):
        return Site.objects.all()
    least = LEAST_ROLES.get(permission)
    if least is None:
        return Site.objects.none()
    roles = site_roles(person)
    return Site.objects.filter(pk__in=[pk for pk in roles if _suffices(roles[pk], least)])


def rows_where(person: Person, permission: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of the rows for which a person has a permission."""
    if _is_superuser(person):
        return rows
    sites = sites_where(person, permission)
    if rows.model is Job:
        return rows.filter(_jobs(person, permission, sites))
    return rows.filter(**{f"{SITE_LOOKUPS[rows.model]}__in": sites})


def people_who(permission: str, site: Site | None) -> list[User]:
    """Return the active people who have a permission: on this site, or on the installation."""
    people = User.objects.filter(is_active=True).filter(Q(is_staff=True) | Q(is_superuser=True))
    if site is not None:
        is_member = Q(memberships__site=site)
        people = people.filter(Q(is_superuser=True) | is_member).distinct()
    return [one for one in people.order_by("pk") if may(one, permission, site)]


def people_with(permission: str, site: Site) -> QuerySet[User]:
    """Return the active people who have a permission of one site, in one query."""
    least = LEAST_ROLES[permission]
    roles = [role for role in Role if _suffices(role, least)]
    is_member = Q(is_staff=True, memberships__site=site, memberships__role__in=roles)
    people = User.objects.filter(Q(is_superuser=True) | is_member, is_active=True)
    return people.distinct().order_by("username")


def site_id_of(row: Model) -> int | None:
    """Return the primary key of a row's site; None if it belongs to none."""
    *path, last = SITE_LOOKUPS[type(row)].split("__")
    holder: Any = row
    for name in path:
        holder = getattr(holder, name)
    found: int | None = holder.pk if last == "pk" else getattr(holder, f"{last}_id")
    return found


def site_roles(person: Person) -> dict[int, str]:
    """Return a person's roles by site; read once a request, as Django reads permissions."""
    if not (person.is_active and person.is_staff):
        return {}
    if "_site_roles" not in vars(person):
        rows = Membership.objects.filter(user=person.pk)
        vars(person)["_site_roles"] = dict(rows.values_list("site_id", "role"))
    roles: dict[int, str] = vars(person)["_site_roles"]
    return roles


def _is_superuser(person: Person) -> bool:
    return bool(person.is_active and person.is_superuser)


def _suffices(role: str | None, least: Membership.Role) -> bool:
    return role is not None and RANKS[Role(role)] >= RANKS[least]


def _on_every_site(roles: Mapping[int, str], least: Membership.Role) -> bool:
    enough = [pk for pk, role in roles.items() if _suffices(role, least)]
    return bool(enough) and not Site.objects.exclude(pk__in=enough).exists()


def _jobs(person: Person, permission: str, sites: QuerySet[Site]) -> Q:
    """Return the condition for jobs: a site's, one's own without a site, and trainings."""
    own = Q(site=None, kind=Job.Kind.RANKING, created_by=person.pk)
    found = Q(site__in=sites) | own if site_roles(person) else Q(pk__in=())
    is_for_all = _on_every_site(site_roles(person), LEAST_ROLES[permission])
    return found | Q(site=None, kind=Job.Kind.TRAINING) if is_for_all else found
