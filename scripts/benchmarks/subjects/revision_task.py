"""One run of the code in a folder, in a process of its own, for `revisions.py`.

Imports the standard library alone: the memory of a process that starts another counts
as that one's, too.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.01


def measure(
  tree: str, flags: list[str], cores: int, cache: str, keeps_programs: bool
) -> dict:
  """What one run took.

  Args:
    tree: the folder with the code.
    flags: all but --workdir, which is a new one.
    cores: to how many it is pinned.
    cache: its cache folder.
    keeps_programs: whether what it compiles stays there, for later runs.
  """
  environment = os.environ | {
    'PYTHONPATH': tree, 'XDG_CACHE_HOME': cache, 'JAX_LOG_COMPILES': '1',
  }  # fmt: skip
  # These would override the folder and what each revision keeps there.
  for name in os.environ:
    if name.startswith(('JAX_COMPILATION_CACHE', 'JAX_PERSISTENT_CACHE')):
      del environment[name]
  _check_import(tree, environment)
  before = _programs(cache)
  with tempfile.TemporaryDirectory() as folder:
    workdir, log = Path(folder, 'run'), Path(folder, 'log')
    command = [sys.executable, '-m', 'bn_repro', *flags, f'--workdir={workdir}']
    used = _cpu_seconds()
    times = _timed(command, tree, environment, cores, workdir / 'metrics.jsonl', log)
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    if not (workdir / 'summary.json').exists():
      raise RuntimeError('the run wrote no summary')
    logged = log.read_text()
  new = _programs(cache) - before
  for path in () if keeps_programs else new:
    path.unlink()
  peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
  compilations = logged.count('Finished XLA compilation')
  return times | _of_steps([*map(json.loads, lines)], times['seconds']) | {
    'cpu_seconds': _cpu_seconds() - used,
    'peak_mb': peak / 1024,
    'compiled': compilations - logged.count('Persistent compilation cache hit'),
    'worth_keeping': len(new),
  }  # fmt: skip


def _check_import(tree: str, environment: dict[str, str]) -> None:
  code = 'import bn_repro; print(bn_repro.__file__)'
  command = [sys.executable, '-c', code]
  options = {'cwd': tree, 'env': environment, 'text': True}
  place = subprocess.check_output(command, **options).strip()
  if not Path(place).is_relative_to(tree):
    raise RuntimeError(f'in {tree} Python imports {place}')


def _timed(
  command: list, tree: str, environment: dict, cores: int, metrics: Path, log: Path
) -> dict[str, float]:
  """Seconds of the whole process, and from its start until a step is recorded."""
  chosen = sorted(os.sched_getaffinity(0))[:cores]
  first, began = None, time.perf_counter()
  with log.open('w') as errors:
    run = subprocess.Popen(
      command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=errors,
      preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )  # fmt: skip
    while run.poll() is None:
      # The first line is of the initial weights.
      if first is None and metrics.exists() and metrics.read_bytes().count(b'\n') > 1:
        first = time.perf_counter() - began
      time.sleep(SECONDS_BETWEEN_LOOKS)
  seconds = time.perf_counter() - began
  if run.returncode:
    raise RuntimeError((log.read_text().splitlines() or ['no output'])[-1])
  return {'seconds': seconds, 'first_step': first or seconds}


def _of_steps(lines: list[dict], seconds: float) -> dict[str, float]:
  """Milliseconds of a step once all is compiled; the share that is spent beside."""
  each, all_steps, before = [], 0.0, 0
  for line in lines:
    if 'steps_per_second' in line:
      each.append(1 / line['steps_per_second'])
      all_steps += (line['step'] - before) * each[-1]
      before = line['step']
  return {
    'step_ms': 1000 * statistics.median(each[1:] or each),
    'beside': 1 - all_steps / seconds,
  }


def _programs(cache: str) -> set[Path]:
  return {*Path(cache).rglob('*-cache')}


def _cpu_seconds() -> float:
  usage = resource.getrusage(resource.RUSAGE_CHILDREN)
  return usage.ru_utime + usage.ru_stime
