"""A probe may have no value, such as for a unit that is constant: no run ends by it."""

import json
import math

import jax
import numpy as np
import pytest

from bn_repro.report import collect
from bn_repro.training import experiment, loop
from bn_repro.training.evaluator import Evaluator
from bn_repro.training.probes import probes
from bn_repro.training.probes.layer_jacobians import singular_values
from bn_repro.training.step import initial_state
from support import metrics_of, small_config

NAMES = ('covariate_shift', 'landscape', 'layer_jacobians', 'parameter_norms')


def small(*names):
  """The network without batch normalization, with probes."""
  config = small_config('baseline', **{'model.hidden_sizes': (9, 8, 7)})
  with config.unlocked():
    config.probes = names
  return config


@pytest.mark.usefixtures('quick_compiler')
@pytest.mark.parametrize('constant', [0.0, 0.3])
def test_what_a_constant_unit_leaves_undefined_is_null(constant):
  """Its inputs are equal for every image: they have no standard deviation.

  That of 0.3, whose mean float32 rounds, came out as 9e-8.
  """
  made = experiment.build(small(*NAMES))
  state = jax.device_get(initial_state(made))
  kernel = np.array(state.params['hidden_2']['kernel'])
  kernel[:, 3] = 0
  state.params['hidden_2']['kernel'] = kernel
  state.params['hidden_2']['bias'] = np.full(8, constant, np.float32)
  scalars, _ = Evaluator(made, made.feeds.train.examples)(state)
  undefined = {tag for tag, value in scalars.items() if value is None}
  expected = {'covariate_shift/layer_2/inputs', 'jacobian/layer_2/percentile_50'}
  assert expected < undefined
  assert undefined <= {tag for tag in scalars if tag.startswith(collect.PROBES)}
  defined = [value for value in scalars.values() if value is not None]
  assert all(map(math.isfinite, defined)) and 'landscape/loss_range' not in undefined


def test_singular_values_of_a_map_onto_a_constant_are_not_defined():
  """Where LAPACK would end the run: it does not converge."""
  before, kernel = np.random.default_rng(0).normal(size=(20, 5)), np.eye(5, 4)
  found = singular_values(kernel, before, np.zeros((20, 4)))
  assert found.shape == (20, 4) and np.isnan(found).all()


@pytest.mark.fault('something that is not finite')
@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_run_goes_on_whose_probe_has_no_value(tmp_path, monkeypatch, value):
  """With the bits of one that has none; JSON says null, the collected curve nothing."""
  undefined = lambda state, population: {'landscape/a': value, 'landscape/b': 2.0}
  monkeypatch.setitem(probes.PROBES, 'landscape', lambda _: undefined)
  summary = loop.train(small('landscape'), tmp_path / 'runs' / 'probed')
  plain = loop.train(small(), tmp_path / 'plain')
  assert not summary['diverged'] and summary['last_step'] == 40
  assert summary['final_test_accuracy'] == plain['final_test_accuracy']
  refuse = lambda name: pytest.fail(f'{name} is no JSON')
  lines = (tmp_path / 'runs' / 'probed' / 'metrics.jsonl').read_text().splitlines()
  values = [json.loads(line, parse_constant=refuse) for line in lines]
  assert [line.get('landscape/a', 1) for line in values] == [None, 1, None, 1, None]
  losses = [[line.get('test/loss') for line in of] for of in
            (values, metrics_of(tmp_path / 'plain'))]  # fmt: skip
  assert losses[0] == losses[1]
  collect.collect(tmp_path / 'runs', tmp_path, 'found')
  (run,) = collect.load(tmp_path, 'found')
  assert run.curves['landscape/b'].tolist() == [2, 2, 2]
