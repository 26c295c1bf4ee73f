from dataclasses import replace
from datetime import date

from ml.dataset.contrast_groups import build_groups
from ml.dataset.training_dataset import training_dataset
from ml.training.manifest import hash_groups, read_commit, record_data
from tests.ml.factories import groups_of, learnable_rows


def test_hash_follows_content_not_order():
    rows = learnable_rows(5)
    groups = groups_of(*rows)
    assert hash_groups(groups) == hash_groups(groups[::-1])
    assert hash_groups(groups) != hash_groups(groups_of(*rows[3:]))


def test_commit_is_read_from_a_branch(tmp_path):
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text("1234abcd\n")
    assert read_commit(tmp_path) == "1234abcd"


def test_commit_is_read_from_packed_references(tmp_path):
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\n1234abcd refs/heads/main\n")
    assert read_commit(tmp_path) == "1234abcd"


def test_commit_is_read_from_a_worktree(tmp_path):
    main, tree = tmp_path / "main/.git", tmp_path / "tree"
    (main / "worktrees/tree").mkdir(parents=True)
    (main / "refs/heads").mkdir(parents=True)
    (main / "refs/heads/side").write_text("feed\n")
    (main / "worktrees/tree/HEAD").write_text("ref: refs/heads/side\n")
    (main / "worktrees/tree/commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {main}/worktrees/tree\n")
    assert read_commit(tree) == "feed"


def test_detached_head_and_no_repository(tmp_path):
    assert read_commit(tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("beef\n")
    assert read_commit(tmp_path) == "beef"


def test_hash_knows_when_a_test_ended():
    rows = learnable_rows(3)
    dated = [replace(row, ended_on=date(2026, 5, 1)) for row in rows]
    other = [replace(row, ended_on=date(2026, 5, 2)) for row in rows]
    hashes = {hash_groups(groups_of(*each)) for each in (rows, dated, other)}
    assert len(hashes) == 3


def test_length_of_the_wordings_is_recorded():
    data = training_dataset(build_groups(learnable_rows(5)))
    assert record_data(data)["median_words"] == 4
