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

A subject is a process of its own, started once a round in turn with the others. A
trial before the rounds compiles, with empty caches, and chooses PyTorch's threads and
memory format (on a GPU torch.compile's mode): its time is the warm-up, of two steps.
The rounds find the compiled programs in a cache.

GFLOP are 6 times the multiply-adds of `bn_repro.models.describe`, the same for all. The
peak is measured in each subject's process, by its own library: products of two large
matrices in the dtype of the convolutions. About 25 minutes on two CPU cores:

python scripts/benchmarks/train_step.py             needs pip install -e .[benchmark]
python scripts/benchmarks/train_step.py --growth    ours alone, growth.json

`--growth` changes one of mini-batch, image size and width at a time.
"""

import argparse
import statistics
import sys
import tempfile
from itertools import product

import harness
from train_step_growth import growth
from train_step_process import (
  LOSS_STEP,
  MATRIX,
  find_backend,
  run_process,
  title_of,
)
from train_step_subjects import GROUP, Task, config_of

from bn_repro.run import provenance
from bn_repro.run.errors import UserError

OURS, IN_GROUPS, WITHOUT = 'ours', 'ours_in_groups', 'without_bn'
EAGER, COMPILED = 'torch_eager', 'torch_compile'
SUBJECTS = (
  OURS, 'ours_distorted', IN_GROUPS, 'flax', 'flax_exact', WITHOUT, EAGER, COMPILED,
)  # fmt: skip
TITLES = {'ours_distorted': 'ours, distorted', IN_GROUPS: 'ours, in groups'}
# These see the same images through the same network.
COMPARABLE = (OURS, 'flax', 'flax_exact', EAGER, COMPILED)
# A data set's classes, network and image size, and what else is overridden.
CASES = {
  'cpu': [('imagenette_160', {'batch_size': 32})],
  'gpu': [
    ('imagenet2012', {'batch_size': size, 'model.dtype': 'bfloat16'})
    for size in (32, 256)
  ],
}


def main() -> None:
  options = _parser().parse_args()
  backend = find_backend()
  kind = 'growth' if options.growth else 'train_step'
  options.name = options.name or (f'{kind}_gpu' if backend == 'gpu' else kind)
  tasks = [Task(OURS, backend, *case, options.seconds) for case in CASES[backend]]
  with tempfile.TemporaryDirectory() as options.cache:
    try:
      growth(tasks[0], options) if options.growth else rivals(tasks, options)
    except UserError as error:
      sys.exit(f'error: {error}')


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  add = parser.add_argument
  add('--rounds', type=int, default=5, help='processes for each subject (5)')
  add('--seconds', type=float, default=5.0, help='measured in a process (5)')
  add('--batch_size', type=int, help='only the case of this mini-batch (all)')
  add('--subjects', nargs='+', choices=SUBJECTS, default=SUBJECTS, help='(all)')
  add('--growth', action='store_true', help='ours alone, over sizes')
  add('--name', help='of the JSON file (train_step or growth, on a GPU with _gpu)')
  return parser


def rivals(tasks: list[Task], options: argparse.Namespace) -> None:
  """The table of all subjects in all cases."""
  found = {
    title_of(task): measure_case(task, options)
    for task in tasks
    if options.batch_size in (None, task.overrides['batch_size'])
  }
  if not found:
    raise UserError(f'no case has mini-batches of {options.batch_size}')
  table = [line for title, of_case in found.items() for line in rows(title, of_case)]
  missing = {
    f'{title}, {subject}': why
    for title, of_case in found.items()
    for subject, why in of_case['missing'].items()
  }
  device = next(iter(found.values()))['trials'][OURS]['device']
  harness.record(
    options.name, device, table, missing, about=about(tasks[0], options), cases=found
  )


def measure_case(task: Task, options: argparse.Namespace) -> dict:
  """Trials and rounds of every subject, and why some are missing."""
  tasks, trials, missing = {}, {}, {}
  for subject in subjects_of(task, options.subjects):
    try:
      tasks[subject], trials[subject] = try_out(
        task._replace(subject=subject), tasks.get(EAGER), options.cache
      )
    except UserError as error:
      missing[subject] = str(error)
      print(f'{title_of(task)}, {subject}: {error}', flush=True)
  if OURS in missing:
    raise UserError(missing[OURS])
  check_same_network(trials)
  rounds = harness.alternate(
    tasks, options.rounds, lambda subject: run_process(tasks[subject], options.cache)
  )
  chosen = {subject: task._asdict() for subject, task in tasks.items()}
  return {'tasks': chosen, 'trials': trials, 'rounds': rounds, 'missing': missing}


def check_same_network(trials: dict[str, dict]) -> None:
  """UserError where a subject that is compared by its loss trains another number."""
  ours = trials[OURS]['parameters']
  for subject in COMPARABLE:
    if subject in trials and trials[subject]['parameters'] != ours:
      raise UserError(
        f'{subject} has {trials[subject]["parameters"]:,} parameters, ours {ours:,}'
      )


def subjects_of(task: Task, chosen) -> list[str]:
  """Ours first, then what was chosen, but for what would be ours again."""
  has_groups = config_of(task).batch_size > GROUP
  left_out = (OURS,) if has_groups else (OURS, IN_GROUPS)
  return [OURS, *(subject for subject in chosen if subject not in left_out)]


def try_out(task: Task, eager: Task | None, cache: str) -> tuple[Task, dict]:
  """The task in its fastest setting, and what it measured there, briefly.

  Raises:
    UserError: it fails in every setting.
  """
  found, failures = [], []
  for setting in settings_of(task, eager):
    chosen = task._replace(**setting)
    try:
      brief = chosen._replace(seconds=task.seconds / 4)
      found.append((chosen, run_process(brief, cache)))
    except UserError as error:
      failures.append(error)
  if not found:
    raise failures[-1]
  best = max(found, key=lambda pair: pair[1]['images_per_second'])
  print(f'{title_of(task)}, {label(best[0]._asdict())}: tried', flush=True)
  return best


def settings_of(task: Task, eager: Task | None) -> list[dict]:
  """What to choose from; torch.compile takes over what was best without it."""
  cores = provenance.cores()
  if task.subject == EAGER and task.backend == 'cpu':
    choices = product(sorted({1, cores}), (False, True))
    return [{'threads': n, 'channels_last': is_last} for n, is_last in choices]
  threads, is_last = cores, True
  if eager is not None:
    threads, is_last = eager.threads, eager.channels_last
  best = {'threads': threads, 'channels_last': is_last}
  if task.subject == COMPILED:
    modes = ['default', *(['reduce-overhead'] if task.backend == 'gpu' else [])]
    return [best | {'compile_mode': mode} for mode in modes]
  return [best if task.subject == EAGER else {}]


def rows(title: str, found: dict) -> list[dict]:
  """The lines of one case: ours, then every other subject."""
  return [{'case': title} | row(subject, found) for subject in found['rounds']]


def row(subject: str, found: dict) -> dict:
  """One line; the warm-up is the trial's, which found no compiled program."""
  trial, rounds = found['trials'][subject], found['rounds']
  of = lambda key: statistics.median(result[key] for result in rounds[subject])
  speeds = lambda name: [result['images_per_second'] for result in rounds[name]]
  temporary = trial['temporary_bytes']
  line = {
    'subject': label(found['tasks'][subject]),
    'images/s': of('images_per_second'),
    'warm-up, s': trial['warm_up_seconds'],
    f'loss, step {LOSS_STEP}': trial['loss'] if subject in COMPARABLE else None,
    'GFLOP/image': trial['operations_per_image'] / 1e9,
    'peak, GFLOP/s': of('peak') / 1e9,
    'share of peak': of('share_of_peak'),
    'temporary, MB': None if temporary is None else temporary / 1e6,
  }
  if subject == OURS:
    return line
  line |= harness.compare(speeds(OURS), speeds(subject))
  if subject == WITHOUT:
    # Another network; what is of interest is how near ours comes.
    line['verdict'] = f'ours at {line["ratio"]:.0%} of it'
  return line


def label(task: dict) -> str:
  """A subject and the setting that was chosen for it."""
  title = TITLES.get(task['subject'], task['subject'].replace('_', ' '))
  if task['threads'] is None:
    return title
  form = 'channels last' if task['channels_last'] else 'channels first'
  threads = f'{task["threads"]} threads' if task['backend'] == 'cpu' else None
  return ', '.join(filter(None, [title, threads, form, task['compile_mode']]))


def about(task: Task, options: argparse.Namespace) -> str:
  """What the table shows, for results/benchmarks/README.md."""
  side = MATRIX[task.backend]
  return (
    f"Images per second of BN-x5's training step, {options.rounds} rounds, each "
    'subject in a process of its own. All but `ours, distorted` take images as they '
    'are. The warm-up is two steps, compiled with empty caches. GFLOP are 6 times the '
    'multiply-adds of convolutions and logits, whatever a compiler makes of them; the '
    f'peak is that of products of {side}x{side} matrices in the same dtype and process.'
  )


if __name__ == '__main__':
  main()
