"""A run begun by older code is resumed by this code, to the same bits.

For networks of section 4.2, which it computes in another order, up to rounding.

`begun_at_63090af/workdir` is what that revision left when it was killed after step 20
of 40 (jax 0.10.2, Python 3.11, section 4.1's network with two layers of 8 units);
`metrics.jsonl` beside it holds the lines that it recorded itself when it was resumed.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_experiment import load

from bn_repro.training import experiment
from bn_repro.training.step import Steps, initial_state
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


# Loss and norm of the gradient of BN-x5's first steps on the digits at 63090af, and how
# far this code may be from them: training amplifies what rounds differently.
BN_X5 = (
  (2.4794020652770996, 13.011921882629395, 1e-6),
  (2.422720193862915, 14.686080932617188, 1e-5),
  (2.3415791988372803, 17.66850471496582, 1e-3),
)


@pytest.mark.slow
def test_steps_of_inception_differ_by_rounding_alone(quick_compiler):
  """Layers side by side, 1x1 convolutions as products: the same sums, another order."""
  mirrored = {'model.width': 0.0625, 'dataset.mirror': True}  # as digits were then
  built = experiment.build(load('bn_x5:{}', **mirrored))
  run, state, feed = Steps(built), initial_state(built), built.feeds.train
  for step, (loss, gradient, tolerance) in enumerate(BN_X5):
    steps = range(step, step + 1)
    state, measured = run(state, steps, feed.inputs(steps), last=step)
    now = [float(measured[f'train/{name}'][0]) for name in ('loss', 'gradient_norm')]
    assert now == pytest.approx([loss, gradient], rel=tolerance), step
