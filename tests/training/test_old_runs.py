"""A run begun by older code is resumed by this code, to the same bits.

`begun_at_63090af/workdir` is what that revision left when it was killed after step 20
of 40 (jax 0.10.2, Python 3.11, section 4.1's network with two layers of 8 units);
`metrics.jsonl` beside it holds the lines that it recorded itself when it was resumed.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from support import metrics_of, program, summary_of, without_times

OLD = Path(__file__).with_name('begun_at_63090af')
FLAGS = (OLD / 'workdir' / 'overrides.txt').read_text().splitlines()


def in_full(line):
  """All numbers of a line, its tags in order."""
  return np.concatenate([np.ravel(line[tag]) for tag in sorted(line)])


def test_it_is_resumed_to_the_same_bits(tmp_path):
  begun, anew = tmp_path / 'begun', tmp_path / 'anew'
  shutil.copytree(OLD / 'workdir', begun)
  kept = (begun / 'metrics.jsonl').read_bytes()
  for workdir in (begun, anew):
    result = program(*FLAGS, f'--workdir={workdir}')
    assert result.returncode == 0, result.stderr
  assert (begun / 'metrics.jsonl').read_bytes().startswith(kept)
  resumed, whole, first, rest = (
    without_times(metrics_of(path)) for path in (begun, anew, OLD / 'workdir', OLD)
  )
  expected = first + rest
  assert [*map(sorted, resumed)] == [*map(sorted, expected)]  # the tags
  if whole[: len(first)] == first:  # this machine rounds as that one did
    assert resumed == whole == expected
  for line, other in zip(resumed, expected):
    assert in_full(line) == pytest.approx(in_full(other), abs=0.01)
  assert summary_of(begun)['last_step'] == 40
