"""Runs a list of experiments, each as a process of its own.

A process for each run, so that no failure stops the others. Finished runs are skipped,
unfinished ones resume. Uses only the command line of a run, the last line of its
metrics.jsonl and its summary.json.
"""

import contextlib
import fnmatch
import itertools
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from bn_repro.data import sources
from bn_repro.run import config as config_lib
from bn_repro.run import config_files, devices, exits, places, summary
from bn_repro.run.errors import RunsFailed, UserError, last_line, one_line, shown
from bn_repro.run.progress import last_step, progress_bar

POLL_SECONDS = 0.5


class Run(NamedTuple):
  """One experiment: its folder's name, its --config and its overrides."""

  name: str
  config: str
  overrides: Mapping[str, Any]

  def load(self) -> ConfigDict:
    """The checked config."""
    config = config_lib.load(str(config_files.PROJECT / self.config), self.overrides)
    config_lib.check(config)
    return config

  def command(self, root: Path) -> list[str]:
    """The command line that trains it in `root / name`."""
    return [
      sys.executable, '-m', 'bn_repro', f'--config={self.config}',
      f'--workdir={(root / self.name).absolute()}',
      *(f'--config.{field}={value}' for field, value in self.overrides.items()),
    ]  # fmt: skip


def read(path: Path) -> list[Run]:
  """The runs of a file of configs/sweeps, all checked."""
  path = config_files.find(str(path), '--sweep')
  get_runs = getattr(config_lib.execute(path), 'get_runs', None)
  if not callable(get_runs):
    raise UserError(f'{path} is no sweep: it has no function get_runs')
  runs = _listed(get_runs, path)
  names = [run.name for run in runs]
  if not names:
    raise UserError(f'{path}: get_runs lists no run')
  if wrong := [name for name in names if not _is_name(name)]:
    raise UserError(
      f'{path}: {shown(wrong[0])} is no name of a run, whose folder has it; use '
      'letters, digits and any of _ . + = -'
    )
  if len(set(names)) < len(names):
    raise UserError(f'{path}: two runs share a name')
  for run in runs:
    run.load()
  return runs


def _is_name(name: Any) -> bool:
  is_text = isinstance(name, str) and name.strip('.')
  return bool(is_text and re.fullmatch(r'[\w.+=-]+', name))


def _listed(get_runs: Callable[[], Any], path: Path) -> list[Run]:
  try:
    return [
      Run(name, config_files.beside(config, path), dict(fields))
      for name, config, fields in get_runs()
    ]
  except Exception as error:  # it is somebody's file
    reason = f'{type(error).__name__}: {one_line(error)}'
    raise UserError(
      f'{path}: get_runs gives no list of (name, config, overrides): {reason}'
    ) from error


class Sweep:
  """Runs under one root, `jobs` at a time; `failures` are reasons, by name of a run."""

  def __init__(self, runs: list[Run], root: Path, jobs: int):
    self._root = root
    self._jobs = jobs
    configs = {run.name: run.load() for run in runs}
    for name, config in configs.items():
      config_lib.check_workdir(config, root / name)
    self._pending = [
      run
      for run in runs
      if not summary.of_finished_run(root / run.name, configs[run.name])
    ]
    # Not of all: the data sets of finished runs need no longer be there.
    self._steps = {
      run.name: sources.number_of_steps(configs[run.name]) for run in self._pending
    }
    self._processes: dict[str, subprocess.Popen] = {}
    # Held while a process is started, so that each is known once it runs.
    self._starting, self._is_stopped = threading.Lock(), False
    self.failures: dict[str, str] = {}

  def execute(self) -> None:
    """Runs all that are not finished, with one progress bar over all steps.

    A KeyboardInterrupt is raised again after the runs under way have saved.
    """
    if not self._pending:
      return
    devices.check_apart()
    shares = queue.SimpleQueue()
    for cores in _shares_of_cores(min(self._jobs, len(self._pending))):
      shares.put(cores)
    with ThreadPoolExecutor(shares.qsize()) as workers:
      try:
        tasks = [workers.submit(self._run, run, shares) for run in self._pending]
        self._show_progress(tasks)
      except KeyboardInterrupt:
        workers.shutdown(wait=False, cancel_futures=True)
        with self._starting:
          self._is_stopped = True
        for process in self._processes.values():
          process.terminate()  # which lets it save; its worker waits for it
        raise

  def _run(self, run: Run, shares: queue.SimpleQueue) -> None:
    cores = shares.get()
    try:
      self._start_and_wait(run, cores)
    except Exception as error:  # of any kind; the others continue
      self.failures[run.name] = one_line(error)
    shares.put(cores)

  def _start_and_wait(self, run: Run, cores: set[int] | None) -> None:
    workdir = self._root / run.name
    workdir.mkdir(parents=True, exist_ok=True)
    log = workdir / 'log.txt'
    with log.open('a') as output, self._starting:
      if self._is_stopped:
        return
      if cores:
        # Those of this thread, which the process has from its first moment on.
        os.sched_setaffinity(0, cores)
      process = subprocess.Popen(
        run.command(self._root), cwd=config_files.PROJECT, stdout=output, stderr=output,
        env=places.environment(),
      )  # fmt: skip
      self._processes[run.name] = process
    code = process.wait()
    if not summary.read(workdir):
      reason = last_line(log.read_text())
      self.failures[run.name] = f'exit code {code}: {reason} (see {log})'

  def _show_progress(self, tasks: list[Future]) -> None:
    """The time left is estimated from the steps of this call alone."""
    before = sum(self._steps_taken(run) for run in self._pending)
    total = sum(self._steps[run.name] for run in self._pending)
    with progress_bar(
      total, 'step', f'{len(self._pending)} runs',
      initial=before, unit_scale=True, smoothing=0,
    ) as bar:  # fmt: skip
      while not all(task.done() for task in tasks):
        time.sleep(POLL_SECONDS)
        bar.set_postfix_str(self._counts(), refresh=False)
        bar.update(sum(map(self._steps_taken, self._pending)) - bar.n)

  def _counts(self) -> str:
    finished = sum(self._is_finished(run) for run in self._pending)
    failed = f', {len(self.failures)} failed' if self.failures else ''
    return f'{finished} finished{failed}'

  def _steps_taken(self, run: Run) -> int:
    if self._is_finished(run) or run.name in self.failures:
      return self._steps[run.name]
    try:
      return last_step(self._root / run.name / 'metrics.jsonl')
    except OSError:  # which the run itself reports
      return 0

  def _is_finished(self, run: Run) -> bool:
    return (self._root / run.name / summary.NAME).exists()


def _shares_of_cores(workers: int) -> list[set[int] | None]:
  """Disjoint cores for each worker: small networks gain nothing from more.

  None (no limit) if the system cannot assign cores or has fewer than workers.
  """
  if not hasattr(os, 'sched_getaffinity'):
    return [None] * workers
  cores = devices.cores()
  if workers <= 1 or len(cores) < workers:
    return [None] * workers
  return [set(itertools.islice(cores, i, None, workers)) for i in range(workers)]


def interruptible() -> contextlib.AbstractContextManager:
  """Within the block a signal lets the runs under way save, and stop all."""
  return exits.interruptible('stopped; the runs are saved, the same command continues')


@interruptible()
def run_sweep(path: Path, root: Path, jobs: int, only: str = '*') -> None:
  """Runs a sweep and prints how many runs are finished.

  Args:
    path: a file of configs/sweeps.
    root: gets one workdir for each run.
    only: a pattern of the shell for names of runs.

  Raises:
    RunsFailed: a run ended without a summary.
  """
  everything = read(path)
  runs = [run for run in everything if fnmatch.fnmatchcase(run.name, only)]
  if not runs:
    names = ', '.join(run.name for run in everything)
    raise UserError(f'no run of {path} is called {only!r}; there are {names}')
  sweep = Sweep(runs, root, jobs)
  sweep.execute()
  summaries = [s for run in runs if (s := summary.read(root / run.name))]
  diverged = sum(s['diverged'] for s in summaries)
  print(
    f'{len(summaries)} of {len(runs)} runs of {path.stem} are finished in {root}'
    + (f', {diverged} of them diverged' if diverged else '')
  )
  if sweep.failures:
    raise RunsFailed(sweep.failures)
