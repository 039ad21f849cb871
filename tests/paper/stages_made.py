"""Made-up runs of every name that a stage of the protocol asks for."""

import math
from pathlib import Path

from paper.inception_made import learning

from bn_repro.paper import stages

FASTER = {'inception': 1}  # times; all others five


def listed(stage):
  """Name, network, steps and overrides of each run of a stage."""
  for name, location, overrides in stages.sweep_of(stage).get_runs():
    network = Path(location.partition(':')[0]).stem
    yield name, network, int(overrides['train_for'].split()[0]), overrides


def stage_runs(stage, limit_of=None):
  """The runs; accuracy at the end follows from the config, or is `limit_of(name)`."""
  runs = []
  for name, network, steps, overrides in listed(stage):
    limit = 0.6 + 0.04 * math.log2(FASTER.get(network, 5) * steps / 12_000)
    if stage == 'stage2_rates':
      limit -= 0.02 * math.log(overrides['learning_rate'] / 0.012) ** 2
    limit = max(limit + 0.001 * overrides['seed'], 0.3)
    if limit_of:
      limit = limit_of(name)
    config = {'seed': 0} | overrides
    # Those of stage 3 begin below each of its targets.
    to_75 = 20_000 if stage == 'stage3_changes' else 3_000
    run = learning(network, to_75, name=name, limit=limit, horizon=steps, **config)
    # One array: what a test does to the one curve it does to both.
    run.curves['test_accuracy_polyak'] = run.curves['test_accuracy']
    run.summary['last_step'] = steps
    runs.append(run)
  return runs
