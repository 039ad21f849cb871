"""A damaged file of a data set or a run: one line, or the very same numbers."""

import pytest

from forked import IMPORTED
from reliability import hostile_files
from reliability.runner import counted, note, run_cases, told

SEED = 2015


@pytest.mark.slow
def test_a_few_damaged_files(tmp_path):
  subjects = hostile_files.subjects(tmp_path, [hostile_files.MNIST, hostile_files.RUN])
  outcomes = run_cases(hostile_files.cases(subjects, SEED, 8), imported=IMPORTED)
  assert not told(outcomes), told(outcomes)


@pytest.mark.slow
@pytest.mark.reliability
def test_no_damaged_file_gives_other_numbers(tmp_path, record_property):
  """Some 200 of them, of data sets of three kinds and of a run that goes on."""
  subjects = hostile_files.subjects(tmp_path)
  outcomes = run_cases(hostile_files.cases(subjects, SEED, 220), imported=IMPORTED)
  note(outcomes, record_property)
  assert len(counted(outcomes)) == 4
  assert not told(outcomes), told(outcomes)
