"""How our training step grows with the mini-batch, the image and the width.

`train_step.py --growth` comes here: one of the three changes at a time, the others
stay those of the first case of `train_step.py`. Every value is a process of its own,
started once a round.
"""

import statistics
import tempfile
from argparse import Namespace

import harness
from ratios import column, interval, median
from subjects.train_step_task import Task
from train_step_cases import CASES, run_process, tasks_of

FULL_SIZE = {
  'batch_size': (32, 128, 512),
  'dataset.size': (96, 160, 224),
  'model.width': (0.25, 0.5, 1.0),
}
ON_CPU = {
  'batch_size': (8, 16, 32, 64, 128),
  'dataset.size': (32, 64, 96, 128),
  'model.width': (0.125, 0.25, 0.5),
}


def points_of(task: Task) -> dict[tuple[str, float], Task]:
  """The task with each value of each field."""
  return {
    (field, value): task._replace(overrides=task.overrides | {field: value})
    for field, values in (ON_CPU if task.backend == 'cpu' else FULL_SIZE).items()
    for value in values
  }


def measure(options: Namespace) -> dict:
  """Every value; three of the points are one program."""
  first = tasks_of(options)[0]
  tasks = {task.title: task for task in points_of(first).values()}
  with tempfile.TemporaryDirectory() as cache:
    rounds = harness.alternate(
      tasks, options.rounds, lambda title: run_process(tasks[title], cache)
    )
  device = next(iter(rounds.values()))[0]['device']
  return {'device': device, 'rounds': rounds, 'facts': {'title': first.title}}


def table(content: dict) -> list[dict]:
  """One line for each value.

  The first round found no cache. It compiled, which leaves malloc slow to the end of a
  process without `bn_repro.run.fragments`: only its compilation counts.
  """
  backend = content['device'].split()[2]  # as in '1 x gpu (NVIDIA H200)'
  first, lines = Task('ours', backend, *CASES[backend][0], seconds=0), []
  for (field, value), task in points_of(first).items():
    compiling, *others = content['rounds'][task.title]
    rounds = others or [compiling]
    milliseconds = [1e3 * seconds for seconds in column(rounds, 'seconds_per_step')]
    lines.append({
      'what': field,
      'value': value,
      'milliseconds a step': statistics.median(milliseconds),
      **interval(milliseconds),
      'images/s': median(rounds, 'images_per_second'),
      'temporary, MB': compiling['temporary_bytes'] / 1e6,
      'compilation, s': compiling['warm_up_seconds'],
    })  # fmt: skip
  return lines
