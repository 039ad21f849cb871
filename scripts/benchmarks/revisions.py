"""How fast runs of this code are beside runs of an earlier revision of it.

Both are started as a user starts them, in turn, on the same cores. The earlier one is
checked out in a temporary folder. Each has a cache of compiled programs, which a trial
fills before the rounds. Config fields that one of the two lacks are left out for both.

python scripts/benchmarks/revisions.py             needs imagenette_160: docs/data.md
python scripts/benchmarks/revisions.py --quick     tiny networks, to try it out
python scripts/benchmarks/revisions.py --cases step run --revision=HEAD~1

`step` is a step of BN-x5 and `mlp` one of section 4.1's network. `run` is a short run
with evaluations as in the ablation of section 4.2.1. `second` is a run that differs
from the trial in its seed and hyperparameters alone.
"""

import contextlib
import functools
import re
import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import harness
import ratios
from page import PROJECT
from ratios import column

from bn_repro.run.errors import UserError, last_line

NOW, BEFORE = 'this code', 'before'
INCEPTION, MLP = 'configs/bn_x5.py:imagenette_160', 'configs/mnist.py:batch_norm'
QUICK = {INCEPTION: ('configs/bn_x5.py:digits', {'model.width': 0.0625})}
# Evaluations cannot be left out, but be few and small.
CHEAP = {
  'population_batches': 1, 'moving_average_evaluated': False,
  'evaluate_every': '1e6 steps', 'checkpoint_every': '1e6 steps',
}  # fmt: skip
# Of each case its config, overrides, those of --quick, those of the rounds alone, and
# what is reported.
CASES = {
  'step': (
    INCEPTION, CHEAP | {'train_for': '100 steps', 'log_every': '10 steps'},
    {'train_for': '6 steps', 'log_every': '2 steps'}, {}, ('step_ms',),
  ),
  'run': (
    INCEPTION, {'train_for': '2 epochs', 'training_images_evaluated': 1000},
    {'train_for': '6 steps', 'log_every': '2 steps', 'evaluate_every': '3 steps'}, {},
    ('seconds', 'cpu_seconds', 'beside', 'peak_mb'),
  ),
  'second': (
    INCEPTION, CHEAP | {'train_for': '2 steps', 'log_every': '1 steps'}, {},
    {
      'seed': 7, 'learning_rate': 0.003, 'learning_rate_decay_every': '3 epochs',
      'l2': 1e-4, 'photometric_distortion': 0.75,
    },
    ('first_step', 'compiled', 'worth_keeping'),
  ),
  'mlp': (
    MLP, CHEAP | {
      'dataset.name': 'digits', 'train_for': '20_000 steps', 'log_every': '1_000 steps',
    },
    {'train_for': '1_000 steps', 'log_every': '200 steps'}, {}, ('step_ms',),
  ),
}  # fmt: skip
# The words of the table, and whether a ratio is taken.
QUANTITIES = {
  'step_ms': ('ms of a step', True),
  'seconds': ('seconds', True),
  'cpu_seconds': ('CPU seconds', True),
  'beside': ('share of time beside the steps', False),
  'peak_mb': ('peak memory, MB', False),
  'first_step': ('seconds to the first step', True),
  'compiled': ('programs compiled', False),
  'worth_keeping': ('of these, kept in the cache', False),
}


def options(add) -> None:
  add('--revision', default='63090af', help='the earlier one (63090af)')
  add('--cases', nargs='+', choices=CASES, default=[*CASES], help='some of them (all)')
  add('--cores', type=int, default=1, help='to which runs are pinned (1)')
  add('--quick', action='store_true', help='tiny networks and few steps')


def measure(options: Namespace) -> dict:
  """Every round of every case, once both trees have filled their caches."""
  left_out = set()
  with checked_out(options.revision) as before, tempfile.TemporaryDirectory() as caches:
    trees = {NOW: PROJECT, BEFORE: before}

    def run(name, flags, keeps_programs=False):
      return harness.process(
        'subjects.revision_task', tree=str(trees[name]), flags=flags,
        cores=options.cores, cache=f'{caches}/{name}', keeps_programs=keeps_programs,
      )  # fmt: skip

    def rounds_of(case):
      trial, flags, lacking = flags_of(case, options.quick, trees.values())
      left_out.update(lacking)
      first = functools.partial(run, flags=trial, keeps_programs=True)
      harness.try_out(trees, first, trees)
      return harness.alternate(
        trees, options.rounds, functools.partial(run, flags=flags)
      )

    rounds, missing = harness.each(options.cases, rounds_of)
  facts = {'left_out': ', '.join(sorted(left_out)) or 'none'}
  return {
    'missing': missing, 'rounds': rounds, 'left_out': sorted(left_out), 'facts': facts,
  }  # fmt: skip


@contextlib.contextmanager
def checked_out(revision: str) -> Iterator[Path]:
  """A folder with the code of a revision, while it is needed."""
  with tempfile.TemporaryDirectory() as folder:
    tree = Path(folder).resolve() / 'before'
    try:
      git('worktree', 'add', '--detach', str(tree), revision)
      yield tree
    finally:
      if tree.exists():
        git('worktree', 'remove', '--force', str(tree))


def git(*words: str) -> None:
  """Runs git, without the time limit: worktrees are removed after its end, too."""
  ended = subprocess.run(['git', *words], cwd=PROJECT, capture_output=True, text=True)
  if ended.returncode:
    raise UserError(last_line(ended.stderr))


def flags_of(case: str, is_quick: bool, trees) -> tuple[list[str], list[str], set]:
  """Flags of the trial and of the rounds, and fields that a tree lacks."""
  config, overrides, quick, changes, _ = CASES[case]
  if is_quick:
    config, smaller = QUICK.get(config, (config, {}))
    overrides = overrides | quick | smaller
  common = set.intersection(*(fields(tree, config) for tree in trees))
  flags = lambda overrides: [
    f'--config={config}',
    *(
      f'--config.{name}={value}' for name, value in overrides.items() if name in common
    ),
  ]
  changed = overrides | changes
  return flags(overrides), flags(changed), {*changed} - common


def fields(tree: Path, config: str) -> set[str]:
  """The fields of a config, as --help lists them."""
  command = [sys.executable, '-m', 'bn_repro', '--help', f'--config={config}']
  printed = harness.output_of(command, {'PYTHONPATH': str(tree)}, tree, config)
  return {*re.findall(r'^  ([a-z]\S*)', printed, re.MULTILINE)}


def table(content: dict) -> list[dict]:
  """A line for each quantity; a ratio is the time before over that of this code."""
  rows = []
  for case, rounds in content['rounds'].items():
    for key in CASES[case][-1]:
      now, before = (column(rounds[name], key) for name in (NOW, BEFORE))
      words, is_time = QUANTITIES[key]
      row = {'case': case, 'measured': words, 'rounds': len(now)}
      row |= {NOW: statistics.median(now), BEFORE: statistics.median(before)}
      speeds = ([1 / value for value in each] for each in (now, before) if is_time)
      rows.append(row | (ratios.compare(*speeds) if is_time else {}))
  return rows


main = harness.Benchmark(
  __doc__, measure, table, (5, 'runs of each case and revision'), options
).main

if __name__ == '__main__':
  main()
