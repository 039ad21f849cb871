"""Numbers name the code that made them."""

from bn_repro.run import provenance


def test_the_revision_is_of_this_code_and_of_no_other_repository(tmp_path, monkeypatch):
  """A hook of git has variables that name its own."""
  revision = provenance.git_revision.__wrapped__
  own = revision()
  for name in ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'):
    monkeypatch.setenv(name, str(tmp_path))
  assert revision() == own
