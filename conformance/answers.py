"""The probes of one implementation in processes of its environment."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bn_repro.run import errors
from bn_repro.run.config_files import PROJECT
from conformance.environments import Implementation

LIMIT = 1800.0  # seconds without a result, after which a probe is given up
KEPT = ('TFDS_DATA_DIR', 'HOME', 'PATH', 'LD_LIBRARY_PATH', 'LANG')


def answers(
  one: Implementation, python: Path, probes: list[str], cache: Path, **variables: str
) -> Iterator[tuple[str, dict, float]]:
  """Name, result and seconds of each probe; a process that dies costs one probe."""
  probes = list(probes)
  while probes:
    # No other call, nor what is left of one, writes there.
    with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as folder:
      output, log = Path(folder, 'answers.jsonl'), Path(folder, 'log')
      process = start(one, python, probes, cache, output, log, variables)
      try:
        for line in map(json.loads, lines_of(process, output)):
          yield probes.pop(0), line['result'], line['seconds']
      finally:
        process.kill()
        code = process.wait()
      said = errors.last_line(log.read_text(errors='replace'))[:160]
    if probes:
      text = f'the process ended, exit code {code}: {said}'
      yield probes.pop(0), {'error': text}, 0.0


def start(one, python, probes, cache, output, log, variables) -> subprocess.Popen:
  """A child in its environment; what it prints goes to the log."""
  environment = {name: os.environ[name] for name in KEPT if name in os.environ}
  environment |= {
    'PYTHONPATH': str(PROJECT), 'CONFORMANCE_DATA': str(cache / 'batches.npz'),
    'PYTHONDONTWRITEBYTECODE': '1',
    'OMP_NUM_THREADS': '1',  # those that wait for work would spin beside other programs
    **one.variables, **variables,
  }  # fmt: skip
  command = [python, '-m', 'conformance.child', one.adapter, output, *probes]
  with log.open('w') as file:
    return subprocess.Popen(
      [*map(str, command)], cwd=PROJECT, env=environment, stdout=file, stderr=file
    )


def lines_of(process: subprocess.Popen, output: Path) -> Iterator[str]:
  """Whole lines, as they are written, until the process ends or is late with one."""
  given, began = 0, time.monotonic()
  while time.monotonic() - began < LIMIT:
    has_ended = process.poll() is not None
    text = output.read_text() if output.exists() else ''
    lines = text[: text.rfind('\n') + 1].splitlines()
    for line in lines[given:]:
      yield line
      began = time.monotonic()
    given = len(lines)
    if has_ended:
      return
    time.sleep(0.2)
