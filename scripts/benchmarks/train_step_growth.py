"""How our training step grows with the mini-batch, the image and the width.

`train_step.py --growth` comes here: one of the three changes at a time, the others
stay those of the first case of `train_step.py`. Every value is a process of its own,
started once a round. Knows no rival.
"""

import statistics
from argparse import Namespace

import harness
from train_step_process import run_process, title_of
from train_step_subjects import Task

VALUES = {
  'cpu': {
    'batch_size': (8, 16, 32, 64, 128),
    'dataset.size': (32, 64, 96, 128),
    'model.width': (0.125, 0.25, 0.5),
  },
  'gpu': {
    'batch_size': (32, 128, 512),
    'dataset.size': (96, 160, 224),
    'model.width': (0.25, 0.5, 1.0),
  },
}


def growth(task: Task, options: Namespace) -> None:
  """Measures every value, and writes growth.json or what the options name."""
  changed = {
    (field, value): task._replace(overrides=task.overrides | {field: value})
    for field, values in VALUES[task.backend].items()
    for value in values
  }
  # Three of the points are one program.
  programs = {title_of(each): each for each in changed.values()}
  rounds = harness.alternate(
    programs, options.rounds, lambda title: run_process(programs[title], options.cache)
  )
  table = [row(*point, rounds[title_of(each)]) for point, each in changed.items()]
  device = next(iter(rounds.values()))[0]['device']
  harness.record(
    options.name, device, table, missing={}, rounds=rounds,
    about=f'One training step of BN-x5, ours, {options.rounds} rounds; one of '
    f'mini-batch, image size and width changes, from {title_of(task)}. `temporary` is '
    'the working memory of the program; the compilation is part of two first steps, '
    'with an empty cache.',
  )  # fmt: skip


def row(field: str, value: float, found: list[dict]) -> dict:
  """One line; the compilation is that of the first round, which found no cache."""
  of = lambda key: statistics.median(result[key] for result in found)
  return {
    'what': field,
    'value': value,
    'milliseconds a step': 1e3 * of('seconds_per_step'),
    'images/s': of('images_per_second'),
    'temporary, MB': found[0]['temporary_bytes'] / 1e6,
    'compilation, s': found[0]['warm_up_seconds'],
  }
