"""Comments below the report of an experiment: written by people and servers, removed by them."""

from django.utils.translation import gettext as _

from experiments.models import Comment, Experiment
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.edits.edit_log import Author

LONGEST_TEXT = 2_000
# More belong into a document of their own.
MOST_COMMENTS = 500


def add_comment(*, experiment: Experiment, text: str, by: Author) -> Comment:
    """Write a comment on an experiment; return the last one if its author has sent it again.

    Raises:
        CannotSaveError: If the text is empty or long, or there are too many.
    """
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        fault = _("Write 1 to %(most)s characters.") % {"most": LONGEST_TEXT}
        raise CannotSaveError({"text": [fault]})
    last = Comment.objects.filter(experiment=experiment).order_by("pk").last()
    if last is not None and last.text == text and is_own(last, by):
        return last
    if Comment.objects.filter(experiment=experiment).count() >= MOST_COMMENTS:
        fault = _("There are %(most)s comments already.") % {"most": MOST_COMMENTS}
        raise CannotSaveError({"text": [fault]})
    return Comment.objects.create(
        experiment=experiment, at=by.now, text=text, author=by.person, server_key=by.server_key
    )


def is_own(comment: Comment, by: Author) -> bool:
    """Return whether somebody, or a server with its key, has written a comment."""
    if by.person is not None:
        return bool(comment.author_id == by.person.pk)
    return bool(by.server_key) and comment.server_key == by.server_key


def remove_comment(*, comment: Comment, by: Author) -> bool:
    """Remove one's own comment; return False if it is somebody else's, or gone."""
    return is_own(comment, by) and bool(Comment.objects.filter(pk=comment.pk).delete()[0])
