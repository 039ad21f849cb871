"""The cases of `train_step.py` and of its growth, and how their processes start."""

import re
import sys
from argparse import Namespace
from pathlib import Path

import harness
from subjects.train_step_task import Task

from bn_repro.run.errors import last_line

# A data set's classes, network and image size, and what else is overridden.
FULL_SIZE = [
  ('imagenet2012', {'batch_size': size, 'model.dtype': 'bfloat16'})
  for size in (32, 256)
]  # fmt: skip
CASES = {
  'cpu': [('imagenette_160', {'batch_size': 32})],
  'gpu': FULL_SIZE,
  'tpu': FULL_SIZE,
}
TINY = [('digits', {'batch_size': 8})]


def find_backend() -> str:
  """'gpu', 'tpu' or 'cpu', from another process, for this one must not hold a GPU."""
  command = [sys.executable, '-c', 'import jax; print(jax.default_backend())']
  backend = last_line(harness.output_of(command))
  return backend if backend in CASES else 'cpu'


def tasks_of(options: Namespace) -> list[Task]:
  """Ours, in each case of this machine."""
  backend = find_backend()
  cases = TINY if options.tiny else CASES[backend]
  return [Task('ours', backend, *case, options.seconds) for case in cases]


def run_process(task: Task, cache: str) -> dict:
  """What one process measured; compiled programs of each task have their own folder."""
  # Without spaces: PyTorch hands such a path to a C++ compiler as two.
  folder = Path(cache) / re.sub(r'\W+', '_', f'{task.title} {task.subject}')
  variables = harness.KEEPING_MEMORY | {
    'JAX_COMPILATION_CACHE_DIR': str(folder / 'jax'),
    'TORCHINDUCTOR_CACHE_DIR': str(folder / 'torch'),
  }
  return harness.process('subjects.train_step_task', variables, **task._asdict())
