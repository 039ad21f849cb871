"""Hostile command lines, configs and workdirs are refused in one line, or are right."""

import pytest

from reliability.hostile_commands import generate, quick_sample
from reliability.runner import counted, note, run_all, run_cases, told

SEED = 2015


@pytest.mark.slow
def test_a_sample_is_refused_in_one_line():
  outcomes = run_cases(quick_sample(SEED, 60))
  assert not told(outcomes), told(outcomes)
  assert {outcome.verdict for outcome in outcomes} == {'refused'}


def test_the_same_seed_generates_the_same_cases():
  names = [case.name for case in generate(SEED, 700)]
  assert names == [case.name for case in generate(SEED, 700)]
  assert names != [case.name for case in generate(SEED + 1, 700)]


@pytest.mark.slow
@pytest.mark.reliability
def test_no_hostile_command_does_harm(record_property):
  """At least 500 of them: exit code 2 or another that is documented, and one line."""
  outcomes = run_all(SEED, 900)
  note(outcomes, record_property)
  assert sum(row['injected'] for row in counted(outcomes).values()) >= 500
  assert not told(outcomes), told(outcomes)
