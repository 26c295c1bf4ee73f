import pytest

from experiments.models import Comment
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.edits.edit_log import Author
from experiments.services.exploration.comments import (
    LONGEST_TEXT,
    MOST_COMMENTS,
    add_comment,
    is_own,
    remove_comment,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(owner):
    return Author(now=NOW, person=owner)


def test_comment_has_its_author_and_its_time(draft, by, owner):
    comment = add_comment(experiment=draft, text=" Why so short?\n", by=by)
    assert (comment.text, comment.at, comment.author) == ("Why so short?", NOW, owner)


@pytest.mark.parametrize("text", ["", " \n", "x" * (LONGEST_TEXT + 1)])
def test_empty_and_long_texts_are_refused(draft, by, text):
    with pytest.raises(CannotSaveError, match="Write 1 to 2000 characters"):
        add_comment(experiment=draft, text=text, by=by)
    assert not Comment.objects.exists()


def test_number_of_comments_is_bounded(draft, by):
    rows = [Comment(experiment=draft, at=NOW, text="x") for _ in range(MOST_COMMENTS)]
    Comment.objects.bulk_create(rows)
    with pytest.raises(CannotSaveError, match="500 comments already"):
        add_comment(experiment=draft, text="One more", by=by)


def test_only_the_author_removes_a_comment(draft, by, site):
    comment = add_comment(experiment=draft, text="Why?", by=by)
    other = Author(now=NOW, person=factories.make_member(site, "owner", "ada"))
    assert not remove_comment(comment=comment, by=other)
    assert remove_comment(comment=comment, by=by)
    assert not remove_comment(comment=comment, by=by)
    assert not Comment.objects.exists()


def test_comment_of_a_server_is_its_own_and_of_a_lost_account_nobody_s(draft, by, owner):
    server = Author(now=NOW, server_key="backend (shop…)")
    of_server = add_comment(experiment=draft, text="Deployed", by=server)
    assert is_own(of_server, server)
    assert not is_own(of_server, Author(now=NOW, server_key="other"))
    comment = add_comment(experiment=draft, text="Why?", by=by)
    owner.delete()
    comment.refresh_from_db()
    assert (comment.author, comment.text) == (None, "Why?")
    assert not is_own(comment, Author(now=NOW))
    assert not is_own(comment, server)
