"""What several test files need: small runs, and a way to start the program."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from ml_collections import ConfigDict

from bn_repro.run import config as config_lib
from bn_repro.run import summary
from forked import PROJECT, clean_environment, run

FEW_STEPS = {
  'dataset.name': 'digits',
  'train_for': '40 steps',
  'log_every': '10 steps',
  'evaluate_every': '20 steps',
  'checkpoint_every': '20 steps',
  'population_batches': 5,
}
TIMES = (
  'seconds', 'steps_per_second', 'data/waiting', 'wall_seconds', 'examples_per_second',
  'identity',  # tells at which steps a run was resumed
)  # fmt: skip


def small_config(network: str, **overrides) -> ConfigDict:
  """A config of a few steps on the digits, with dotted overrides."""
  location = str(PROJECT / 'configs' / f'mnist.py:{network}')
  return config_lib.load(location, FEW_STEPS | overrides)


def script(name: str) -> ModuleType:
  """A program of scripts/ as a module; it imports its neighbours."""
  path = PROJECT / 'scripts' / f'{name}.py'
  spec = importlib.util.spec_from_file_location(f'script_{name}', path)
  module = importlib.util.module_from_spec(spec)
  sys.path.insert(0, str(path.parent))
  try:
    spec.loader.exec_module(module)
  finally:
    sys.path.remove(str(path.parent))
  return module


def as_flags(overrides: dict) -> list[str]:
  """Overrides as the command line takes them."""
  return [f'--config.{field}={value}' for field, value in overrides.items()]


def program(
  *arguments, directory: Path = PROJECT, **environment: str
) -> subprocess.CompletedProcess:
  """Runs `python -m bn_repro` in a directory to its end, on one CPU device."""
  words = ['-m', 'bn_repro', *arguments]
  return run(words, directory, clean_environment() | environment)


def without_times(lines) -> list[dict]:
  """Lines of metrics, or summaries, that two equal runs must share."""
  return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def metrics_of(workdir: Path) -> list[dict]:
  """The lines of metrics.jsonl."""
  text = (workdir / 'metrics.jsonl').read_text()
  return [json.loads(line) for line in text.splitlines()]


def summary_of(workdir: Path) -> dict:
  """The content of summary.json, without its digest."""
  return summary.read(workdir)
