"""The ratios of scripts/benchmarks: their interval, and when a winner is named."""

import sys
import time

import numpy as np
import pytest

from support import PROJECT

sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))

import harness
import ratios

from bn_repro.run.errors import UserError


def test_a_ratio_is_taken_within_a_round():
  """A slow minute of the machine falls on both; dividing medians would not tell."""
  columns = ratios.spread([2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
  assert columns == {'ratio': 2.0, 'low': 2.0, 'high': 2.0}


@pytest.mark.parametrize(('rounds', 'rank'), [(5, 1), (6, 1), (9, 2), (12, 3), (21, 6)])
def test_the_interval_is_the_textbooks(rounds, rank):
  """The ranks of tables of the sign test's 95 % interval; below six, all rounds."""
  values = np.random.default_rng(0).permutation(np.arange(1.0, rounds + 1))
  columns = ratios.spread(values, np.ones(rounds))
  assert (columns['low'], columns['high']) == (rank, rounds + 1 - rank)


def test_the_interval_holds_the_median_as_often_as_it_says():
  random = np.random.default_rng(0)
  held = 0
  for values in random.lognormal(0, 0.5, (400, 15)):
    columns = ratios.spread(values, np.ones(15))
    held += columns['low'] <= 1 <= columns['high']
  # Order statistics of 15 give 96.5 %; four standard deviations of 400 draws below.
  assert held / 400 > 0.928


@pytest.mark.parametrize(
  ('ours', 'verdict'),
  [
    ([2.0] * 6, 'ours is 2.00 times as fast'),
    ([0.5] * 6, 'ours is slower: 2.00 times the time'),
    ([0.5, 2.0] * 3, 'no difference beyond the spread'),
  ],
)
def test_no_winner_is_named_where_the_interval_holds_one(ours, verdict):
  assert ratios.compare(ours, [1.0] * 6)['verdict'] == verdict


def test_one_round_has_no_verdict():
  assert ratios.compare([2.0], [1.0])['verdict'] == 'one round: no verdict'


def test_a_rival_that_fails_is_missing_and_ours_must_not_fail():
  def trial(subject):
    if subject != 'works':
      raise UserError('not installed')
    return 1

  assert harness.try_out(['works', 'rival'], trial, {'works'}) == (
    {'works': 1}, {'rival': 'not installed'},
  )  # fmt: skip
  with pytest.raises(UserError, match='not installed'):
    harness.try_out(['works', 'ours'], trial, {'ours'})


def test_a_process_says_why_it_failed():
  task = {'module': 'decode_none', 'function': 'loop', 'is_feed': False, 'paths': []}
  with pytest.raises(UserError, match=r"No module named 'subjects\.decode_none'"):
    harness.process('subjects.decode_task', **task)


def test_settings_that_fail_are_not_chosen():
  def trial(threads):
    if threads > 2:
      raise UserError(f'no {threads} threads')
    return {'speed': threads}

  speed = lambda result: result['speed']
  assert harness.fastest([1, 2, 3], trial, speed) == (2, {'speed': 2})
  with pytest.raises(UserError, match='no 4 threads'):
    harness.fastest([3, 4], trial, speed)


def test_a_bound_has_no_winner():
  """How near ours comes is said instead."""
  speeds = {'ours': [1.0] * 6, 'rival': [2.0] * 6, 'floor': [4.0] * 6}
  lines = ratios.lines(speeds, lambda name: {'name': name}, bounds={'floor'})
  assert [line.get('verdict') for line in lines] == [
    None, 'ours is slower: 2.00 times the time', 'ours at 25% of it',
  ]  # fmt: skip


def test_a_time_limit_leaves_whole_rounds(monkeypatch):
  """And the trials, where not one round ends in time; by a clock of the test's own."""
  now = [0.0]
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])

  def measure(subject):
    now[0] += 0.02
    if harness.seconds_left() < 0:
      raise harness.OutOfTime('over')
    return subject

  with harness.within(0.15):
    measured = harness.alternate('ab', 100, measure)
  assert len(measured['a']) == len(measured['b']) == 3
  with harness.within(0.0):
    assert harness.alternate('a', 3, measure, {'a': 'trial'}) == {'a': ['trial']}
    with pytest.raises(harness.OutOfTime):
      harness.alternate('a', 3, measure)


def test_what_one_case_has_measured_is_not_lost_by_the_next():
  def measure(case):
    if case == 'slow':
      raise harness.OutOfTime('not measured within 42 seconds')
    return [1.0]

  measured, missing = harness.each(['step', 'slow', 'mlp'], measure)
  assert measured == {'step': [1.0], 'mlp': [1.0]}
  assert missing == {'slow': 'not measured within 42 seconds'}
  with pytest.raises(UserError, match='42 seconds'):
    harness.each(['slow'], measure)


def test_a_time_limit_is_shared_out_to_the_cases(monkeypatch):
  """What a case leaves is for those after it."""
  now, shares = [0.0], []
  monkeypatch.setattr(time, 'monotonic', lambda: now[0])

  def measure(case):
    shares.append(harness.seconds_left())
    now[0] += 1

  with harness.within(9):
    harness.each('abc', measure)
  assert shares == [3, 4, 7]


def test_a_process_ends_with_the_time_limit(tmp_path):
  """One that does not end by itself: a short one may, on a fast machine."""
  python = tmp_path / 'python'
  python.write_text('#!/bin/sh\nexec sleep 60\n')
  python.chmod(0o755)
  with harness.within(0.1), pytest.raises(harness.OutOfTime, match='within 0 seconds'):
    harness.process('subjects.decode_task', None, python)
