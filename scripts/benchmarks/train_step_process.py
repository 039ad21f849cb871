"""One subject of `train_step.py` in a process of its own, seen from both sides.

`run_process` starts this file as a program with a task; the program prints what it
measured as one line of JSON. Does not know which tasks there are, nor what is
compared.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import harness
import train_step_subjects
from ml_collections import ConfigDict
from train_step_subjects import Task, config_of

# The second step may compile again, for the kind of arrays that the first returned.
WARM_UP_STEPS = 2
# Where initial weights and images are the same, equal losses mean equal work; a few
# steps later rounding has grown to tenths.
LOSS_STEP = WARM_UP_STEPS
BRIEF_STEPS = 8
# Sides of the matrices whose product is the peak.
MATRIX = {'cpu': 2048, 'gpu': 8192}
PRODUCTS = 5


def find_backend() -> str:
  """'gpu' or 'cpu', asked of another process: this one shall not hold the GPU."""
  command = [sys.executable, '-c', 'import jax; print(jax.default_backend())']
  found = subprocess.run(command, capture_output=True, text=True).stdout.split()
  return 'gpu' if found[-1:] == ['gpu'] else 'cpu'


def run_process(task: Task, cache: str) -> dict:
  """What one process measured, of `measure`.

  Args:
    task: what it is to measure.
    cache: a folder for compiled programs, those of each task apart.

  Raises:
    UserError: the process failed, and how.
  """
  # Without spaces: PyTorch hands such a path to a C++ compiler as two.
  folder = Path(cache) / re.sub(r'\W+', '_', f'{title_of(task)} {task.subject}')
  environment = os.environ | {
    'JAX_COMPILATION_CACHE_DIR': str(folder / 'jax'),
    'TORCHINDUCTOR_CACHE_DIR': str(folder / 'torch'),
  }
  command = [sys.executable, __file__, json.dumps(task._asdict())]
  return harness.answer_of(command, environment)


def title_of(task: Task) -> str:
  """Such as '64 pixels, width 0.25, batch 32, float32'."""
  config = config_of(task)
  return (
    f'{config.dataset.size} pixels, width {config.model.width:g}, '
    f'batch {config.batch_size}, {config.model.dtype}'
  )


def measure(task: Task) -> dict:
  """In the subject's process: speed, loss, memory and peak; or why it failed."""
  config = config_of(task)
  try:
    subjects = train_step_subjects
    if task.subject.startswith('torch'):
      import train_step_torch as subjects
    examples = train_step_subjects.noise(config)
    step = getattr(subjects, task.subject)(config, examples, task)
    result = _speed(step.run, config, task.seconds)
    peak = _peak(subjects.matrix_products, config.model.dtype, task.backend)
  except (ImportError, RuntimeError) as error:
    # Such as no PyTorch here, or no C++ compiler for torch.compile.
    return {'failed': f'{type(error).__name__}: {str(error).strip().splitlines()[0]}'}
  operations = train_step_subjects.operations(config)
  return result | {
    'operations_per_image': operations,
    'peak': peak,
    'share_of_peak': result['images_per_second'] * operations / peak,
    'temporary_bytes': step.temporary_bytes(),
    'parameters': step.parameters,
    'device': step.device,
  }


def _speed(run, config: ConfigDict, seconds: float) -> dict:
  """Images a second after a warm-up, and the loss of its last step."""
  warm_up, loss = _time(run, range(WARM_UP_STEPS))
  measured_from = WARM_UP_STEPS + BRIEF_STEPS
  brief, _ = _time(run, range(WARM_UP_STEPS, measured_from))
  number = max(1, round(seconds / brief * BRIEF_STEPS))
  taken, _ = _time(run, range(measured_from, measured_from + number))
  return {
    'images_per_second': config.batch_size * number / taken,
    'seconds_per_step': taken / number,
    'steps': number,
    'warm_up_seconds': warm_up,
    'loss': loss,
  }


def _peak(matrix_products, dtype: str, backend: str) -> float:
  """Floating-point operations a second of the fastest of some matrix products."""
  run = matrix_products(MATRIX[backend], dtype, backend)
  run(range(PRODUCTS))
  seconds = min(_time(run, range(PRODUCTS))[0] for _ in range(3))
  return 2 * MATRIX[backend] ** 3 * PRODUCTS / seconds


def _time(run, numbers: range):
  began = time.perf_counter()
  result = run(numbers)
  return time.perf_counter() - began, result


if __name__ == '__main__':
  print(json.dumps(measure(Task(**json.loads(sys.argv[1])))))
