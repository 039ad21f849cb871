"""One training step on eight devices: the collectives of its compiled program.

Counted as scripts/benchmarks/parallel_cost.py counts them.
"""

import sys

import pytest
from fake_experiment import only_rows

from bn_repro.training import experiment
from support import PROJECT, small_config

sys.path.append(str(PROJECT / 'scripts' / 'benchmarks'))

import parallel_cost
import parallel_prediction
from parallel_cost import Collective

pytestmark = pytest.mark.usefixtures('quick_compiler')

BN_LAYERS = 3
# Weights, gamma and beta of each hidden layer, weights and bias of the last; mean and
# variance of each BN layer; loss and accuracy.
AVERAGED = 3 * BN_LAYERS + 2 + 2 * BN_LAYERS + 2
IMAGES_PER_DEVICE = 8


def mlp(together):
  """Section 4.1's network on eight devices, so many of which normalize together."""
  config = small_config('batch_norm', num_devices=8, batch_size=8 * IMAGES_PER_DEVICE)
  config.model.normalization_group = together * IMAGES_PER_DEVICE
  return experiment.build(config)


def numbers(tallied):
  """Of `parallel_cost.tally`, without bytes."""
  return {(of['direction'], of['kind']): of['number'] for of in tallied}


def bytes_of(tallied):
  return sum(of['bytes'] for of in tallied)


@pytest.mark.parametrize('together', [2, 0], ids=['two_devices', 'global'])
def test_one_collective_per_layer_and_direction_and_one_for_all_gradients(together):
  """Seven in the whole step; running statistics, loss and accuracy go along."""
  case = parallel_cost.count(mlp(together))
  assert case['layers'] == BN_LAYERS
  of_layers = {('forward', 'all-gather'): 3, ('backward', 'all-reduce'): 3}
  assert numbers(case['compiled']) == of_layers | {('means', 'all-reduce'): 1}
  assert numbers(case['traced']) == of_layers | {('means', 'all-reduce'): AVERAGED}
  assert bytes_of(case['compiled']) == bytes_of(case['traced'])


def test_normalization_per_device_leaves_one_collective():
  """That of gradients, running statistics, loss and accuracy, and it has no more."""
  case = parallel_cost.count(mlp(1))
  (only,) = case['compiled']
  carried = case['gradients'] + case['statistics'] + 2 * 4
  assert only == {
    'direction': 'means', 'kind': 'all-reduce', 'number': 1, 'operands': AVERAGED,
    'bytes': carried,
  }  # fmt: skip


@pytest.mark.slow
def test_parallel_branches_share_collectives(monkeypatch):
  """The two layers that share the input of the row take one collective each way.

  Backward, XLA joins the all-reduces of layers that do not wait for each other.
  """
  only_rows(monkeypatch, '3c')
  built = parallel_cost.experiment_of('digits', 'two devices', width=0.0625)
  case = parallel_cost.count(built)
  assert case['layers'] == 8
  assert numbers(case['traced'])['backward', 'all-reduce'] == 7
  assert numbers(case['compiled']) == {
    ('forward', 'all-gather'): 7,
    ('backward', 'all-reduce'): 6,
    ('means', 'all-reduce'): 1,
  }


@pytest.mark.parametrize('layer, each', [('flax', 1), ('flax exact', 2)])
def test_collectives_of_the_rivals(layer, each, monkeypatch):
  """As traced; with two passes Flax takes two for each of ours."""
  only_rows(monkeypatch, '3c')
  built = parallel_cost.experiment_of('digits', 'global', layer, width=0.0625)
  program, _ = parallel_cost.lowered(built)
  text = program.as_text('hlo', debug_info=True)
  found = numbers(parallel_cost.tally(parallel_cost.collectives(text)))
  assert found['forward', 'all-reduce'] == found['backward', 'all-reduce'] == 8 * each
  assert {kind for _, kind in found} == {'all-reduce'}


PROGRAM = """
ENTRY %main (x: f32[2,6]) -> f32[6] {
  %a = f32[8,9]{1,0} all-gather(%x), dimensions={0}, metadata={op_name="jvp(N)/psum"}
  %b = (f32[6]{0}, /*index=1*/bf16[2,6]{1,0}) all-reduce(%c, %d), to_apply=%add, \
metadata={op_name="(psum:transpose(jvp(N))/3a/psum)" stack_frame_id=1}
  %e = (f32[], pred[3]{0}) all-reduce-start(%f, %g), to_apply=%add
  %h = (f32[], pred[3]{0}) all-reduce-done(%e)
  %i = f32[6]{0} reduce(%j, %k), dimensions={0}, metadata={op_name="all-reduce"}
}
"""


def test_how_a_program_is_read():
  """Operands and bytes of arrays and tuples; halves of an asynchronous one are one."""
  assert parallel_cost.collectives(PROGRAM) == [
    Collective('forward', 'all-gather', 1, 8 * 9 * 4),
    Collective('backward', 'all-reduce', 2, 6 * 4 + 12 * 2),
    Collective('means', 'all-reduce', 2, 4 + 3),
  ]


def test_what_the_model_says_of_one_collective():
  """Few bytes cost latency, linear in devices for a ring; many cost bandwidth."""
  seconds = parallel_prediction.seconds
  assert seconds('all-reduce', 0, 8) == pytest.approx((6.6 + 2 * 7 * 0.6) * 1e-6)
  assert seconds('all-gather', 0, 8) == pytest.approx((6.6 + 7 * 0.6) * 1e-6)
  hops = 448 * parallel_prediction.POST + 63 * 2.7
  assert seconds('all-gather', 0, 512) == pytest.approx((6.6 + hops) * 1e-6)
  assert seconds('all-reduce', 0, 512) == pytest.approx((6.8 + 2 * 34.2) * 1e-6)
  assert seconds('all-reduce', 45e9, 8) == pytest.approx(2 * 7 / 8 * 0.1, rel=1e-3)
