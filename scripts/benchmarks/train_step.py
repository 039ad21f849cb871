"""Images per second of one training step of figure 5's network, ours and its rivals.

The step is that of configs/bn_x5.py, update included, on noise that lies on the
device already; every subject has the same initial weights, images and order:

  ours             the project's own step; the whole mini-batch is normalized at once
  ours, distorted  with the crops, mirroring and photometric distortions of training,
                   which no other subject has
  ours, in groups  32 examples normalized together, as the config says, where the
                   mini-batch is larger
  flax             our step and network with flax.linen.BatchNorm as it comes
  flax exact       the same with use_fast_variance=False, two passes
  without bn       our step and network with a bias for each BN: what BN costs
  torch eager      the network in PyTorch, torch.optim.SGD
  torch compile    the same; gather, forward and backward under torch.compile

A subject is a process of its own, started once a round in turn with the others; all
keep the memory that they free, as runs do. A trial before the rounds compiles, with
empty caches, and chooses PyTorch's threads and memory format (on a GPU torch.compile's
mode): the warm-up is two steps of it. The rounds find the compiled programs in a cache.
GFLOP are 6 times the multiply-adds of `bn_repro.models.describe`, the same for all. The
peak is of products of two large matrices, in each subject's process by its own library,
in the dtype of the convolutions. About 25 minutes on two CPU cores:

python scripts/benchmarks/train_step.py             needs pip install -e .[benchmark]
python scripts/benchmarks/train_step.py --growth    ours alone, growth.json

`--growth` changes one of mini-batch, image size and width at a time.
"""

import dataclasses
import functools
import sys
import tempfile
from argparse import Namespace
from itertools import product
from operator import itemgetter

import harness
import ratios
import train_step_growth as growth
from ratios import column, median
from subjects.train_step_task import GROUP, MATRIX, WARM_UP_STEPS, Task
from train_step_cases import run_process, tasks_of

from bn_repro.run import devices
from bn_repro.run.errors import UserError

OURS, IN_GROUPS, WITHOUT = 'ours', 'ours_in_groups', 'without_bn'
EAGER, COMPILED = 'torch_eager', 'torch_compile'
SUBJECTS = (
  OURS, 'ours_distorted', IN_GROUPS, 'flax', 'flax_exact', WITHOUT, EAGER, COMPILED,
)  # fmt: skip
TITLES = {'ours_distorted': 'ours, distorted', IN_GROUPS: 'ours, in groups'}
# These see the same images through the same network.
COMPARABLE = (OURS, 'flax', 'flax_exact', EAGER, COMPILED)


def options(add) -> None:
  add('--seconds', type=float, default=5.0, help='measured in a process (5)')
  add('--batch_size', type=int, help='only the case of this mini-batch (all)')
  add('--subjects', nargs='+', choices=SUBJECTS, default=SUBJECTS, help='(all)')
  add('--growth', action='store_true', help='ours alone, over sizes')
  add('--tiny', action='store_true', help='8 pixels, narrow, to try this out')


def measure(options: Namespace) -> dict:
  tasks = [
    task for task in tasks_of(options)
    if options.batch_size in (None, task.overrides['batch_size'])
  ]  # fmt: skip
  if not tasks:
    raise UserError(f'no case has mini-batches of {options.batch_size}')
  with tempfile.TemporaryDirectory() as cache:
    by_title = {task.title: task for task in tasks}
    cases, missing = harness.each(
      by_title, lambda title: measure_case(by_title[title], options, cache)
    )
  missing |= {
    f'{title}, {subject}': reason
    for title, case in cases.items()
    for subject, reason in case['missing'].items()
  }
  first = next(iter(cases.values()))
  return {
    'device': first['trials'][OURS]['device'], 'missing': missing,
    'cases': cases, 'facts': {'side': MATRIX[tasks[0].backend]},
  }  # fmt: skip


def measure_case(task: Task, options: Namespace, cache: str) -> dict:
  """Trials and rounds of every subject, and why some are missing."""
  tasks: dict[str, Task] = {}

  def trial(subject):
    brief = task._replace(subject=subject, seconds=task.seconds / 4)
    setting, measured = harness.fastest(
      settings_of(brief, tasks.get(EAGER)),
      lambda setting: run_process(brief._replace(**setting), cache),
      itemgetter('images_per_second'),
    )
    tasks[subject] = task._replace(subject=subject, **setting)
    return measured

  # What would be ours again is left out.
  again = {OURS} if task.config.batch_size > GROUP else {OURS, IN_GROUPS}
  chosen = [OURS, *(subject for subject in options.subjects if subject not in again)]
  trials, missing = harness.try_out(chosen, trial, {OURS})
  check_same_network(trials)
  rounds = harness.alternate(
    tasks, options.rounds, lambda subject: run_process(tasks[subject], cache), trials
  )
  as_json = {subject: best._asdict() for subject, best in tasks.items()}
  return {'tasks': as_json, 'trials': trials, 'rounds': rounds, 'missing': missing}


def settings_of(task: Task, eager: Task | None) -> list[dict]:
  """What to choose from; torch.compile takes over what was best without it."""
  if task.subject not in (EAGER, COMPILED):
    return [{}]
  threads, last = [len(devices.cores())], [True]
  if task.subject == EAGER and task.backend == 'cpu':
    threads, last = sorted({1, *threads}), [False, True]
  elif eager:
    threads, last = [eager.threads], [eager.channels_last]
  modes = [None]
  if task.subject == COMPILED:
    modes = ['default', *(['reduce-overhead'] if task.backend == 'gpu' else [])]
  names = ('threads', 'channels_last', 'compile_mode')
  return [dict(zip(names, values)) for values in product(threads, last, modes)]


def check_same_network(trials: dict[str, dict]) -> None:
  """UserError where a subject that is compared by its loss trains another number."""
  ours = trials[OURS]['parameters']
  for subject in COMPARABLE:
    if subject in trials and trials[subject]['parameters'] != ours:
      raise UserError(
        f'{subject} has {trials[subject]["parameters"]:,} parameters, ours {ours:,}'
      )


def table(content: dict) -> list[dict]:
  """Ours, then every other subject, of each case."""
  return [
    {'case': title} | line
    for title, case in content['cases'].items()
    for line in ratios.lines(
      {s: column(r, 'images_per_second') for s, r in case['rounds'].items()},
      functools.partial(columns, case), bounds={WITHOUT},
    )
  ]  # fmt: skip


def columns(case: dict, subject: str) -> dict:
  """The warm-up is the trial's, which found no compiled program."""
  trial, rounds = case['trials'][subject], case['rounds'][subject]
  temporary = trial['temporary_bytes']
  return {
    'subject': label(case['tasks'][subject]),
    'images/s': median(rounds, 'images_per_second'),
    'warm-up, s': trial['warm_up_seconds'],
    f'loss, step {WARM_UP_STEPS}': trial['loss'] if subject in COMPARABLE else None,
    'GFLOP/image': trial['operations_per_image'] / 1e9,
    'peak, GFLOP/s': median(rounds, 'peak') / 1e9,
    'share of peak': median(rounds, 'share_of_peak'),
    'temporary, MB': None if temporary is None else temporary / 1e6,
  }


def label(task: dict) -> str:
  """A subject and the setting that was chosen for it."""
  title = TITLES.get(task['subject'], task['subject'].replace('_', ' '))
  if task['threads'] is None:
    return title
  form = 'channels last' if task['channels_last'] else 'channels first'
  threads = f'{task["threads"]} threads' if task['backend'] == 'cpu' else None
  return ', '.join(filter(None, [title, threads, form, task['compile_mode']]))


BENCHMARK = harness.Benchmark(
  __doc__, measure, table, (5, 'processes for each subject'), options
)

GROWTH = dataclasses.replace(
  BENCHMARK, measure=growth.measure, table=growth.table, name='growth'
)

if __name__ == '__main__':
  (GROWTH if '--growth' in sys.argv else BENCHMARK).main()
