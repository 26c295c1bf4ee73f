from django.db import migrations
from django.db.models import Q

VERBS = ("add", "change", "delete")
# Permissions of an owner before there were roles; those of an analyst; else what changes a row is
# a marketer's, and what reads one a viewer's.
OWNED = {
    *(f"{verb}_{model}" for verb in VERBS for model in ("site", "serverkey", "event")),
    "view_serverkey",
    "delete_historyarm",
    "change_predictorversion",
}
ANALYSED = {"add_job"}


def role_of(codenames):
    """Return the least role that may do all that these permissions allowed; None without any."""
    if codenames & OWNED:
        return "owner"
    if any(name.split("_")[0] in VERBS for name in codenames - ANALYSED):
        return "marketer"
    if codenames & ANALYSED:
        return "analyst"
    return "viewer" if codenames else None


def give_roles(apps, schema_editor):
    """Give the staff of before a role on every site, so that nobody loses what they used."""
    database = schema_editor.connection.alias
    sites = list(apps.get_model("experiments", "Site").objects.using(database).all())
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    memberships = apps.get_model("experiments", "Membership").objects.using(database)
    people = apps.get_model("auth", "User").objects.using(database)
    for person in people.filter(is_staff=True, is_superuser=False):
        granted = permissions.filter(Q(user=person.pk) | Q(group__user=person.pk)).filter(
            content_type__app_label__in=("experiments", "ml")
        )
        role = role_of(set(granted.values_list("codename", flat=True)))
        if role is not None:
            for site in sites:
                memberships.create(user=person, site=site, role=role)


def place_jobs(apps, schema_editor):
    """Give the rankings of before the site that they were asked for."""
    database = schema_editor.connection.alias
    by_key = dict(
        apps.get_model("experiments", "Site").objects.using(database).values_list("key", "pk")
    )
    by_slot = dict(
        apps.get_model("experiments", "Slot").objects.using(database).values_list("pk", "site")
    )
    jobs = apps.get_model("experiments", "Job").objects.using(database)
    for job in jobs.filter(kind="ranking").only("pk", "request").iterator():
        site = by_key.get(job.request.get("site")) or by_slot.get(job.request.get("slot_pk"))
        if site is not None:
            jobs.filter(pk=job.pk).update(site=site)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("experiments", "0021_memberships"),
    ]

    operations = [
        migrations.RunPython(give_roles, migrations.RunPython.noop),
        migrations.RunPython(place_jobs, migrations.RunPython.noop),
    ]
