from django.urls import reverse


def test_dashboard_lists_live_experiments_with_their_verdict(admin_client, running_experiment):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "hero-test" in page
    assert "Keep it running: no answer yet." in page


def test_dashboard_says_what_to_do_when_nothing_runs(admin_client, draft):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "None. An experiment needs a slot, two CTAs and a start." in page


def test_dashboard_hides_experiments_from_people_without_rights(
    client, stranger, running_experiment
):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert "hero-test" not in client.get(reverse("admin:index")).content.decode()
