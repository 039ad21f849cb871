"""What the benchmarks share: alternation, ratios with their spread, JSON, tables.

A subject is measured once a round, in turn with its rivals, so that a slow
minute of the machine falls on all of them; a ratio is taken within a round.
Knows nothing of what is measured.

python scripts/benchmarks/harness.py    writes the tables of README.md again
"""

import importlib.metadata
import json
import math
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from scipy import stats
from tqdm import tqdm

# Whoever imports this file finds the project's own modules too.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bn_repro.report import tables
from bn_repro.run import provenance
from bn_repro.run.config import write_json
from bn_repro.run.errors import UserError

RESULTS = Path(__file__).resolve().parents[2] / 'results' / 'benchmarks'


def alternate(
  subjects: Iterable[str], rounds: int, measure: Callable[[str], dict]
) -> dict[str, list[dict]]:
  """Measures every subject once a round; returns its measurements in order."""
  subjects = list(subjects)
  measured = {subject: [] for subject in subjects}
  turns = [subject for _ in range(rounds) for subject in subjects]
  for subject in (bar := tqdm(turns, disable=None)):
    bar.set_postfix_str(subject)
    measured[subject].append(measure(subject))
  return measured


def answer_of(command: list[str], environment: dict[str, str] | None = None) -> dict:
  """The last line that a subject's process prints: JSON.

  Args:
    command: what to start.
    environment: of the process; None for ours.

  Raises:
    UserError: the process failed, or says `failed`, and why.
  """
  process = subprocess.run(command, capture_output=True, text=True, env=environment)
  lines = process.stdout.splitlines()
  if process.returncode or not lines:
    raise UserError((process.stderr.splitlines() or ['no output'])[-1])
  answer = json.loads(lines[-1])
  if 'failed' in answer:
    raise UserError(answer['failed'])
  return answer


def compare(ours: list[float], rival: list[float]) -> dict:
  """How many times as fast as a rival ours is, from speeds of the same rounds.

  Returns:
    The columns of `spread`, and the verdict.
  """
  found = spread(ours, rival)
  ratio = found['ratio']
  if found['low'] <= 1 <= found['high']:
    verdict = 'no difference beyond the spread'
  elif ratio > 1:
    verdict = f'ours is {ratio:.2f} times as fast'
  else:
    verdict = f'ours is slower: {1 / ratio:.2f} times the time'
  return found | {'verdict': verdict}


def spread(ours: list[float], rival: list[float]) -> dict[str, float]:
  """Columns ratio, the median of ours by the rival's in each round, low and high.

  The last two are the 95 % interval of the median by order statistics, which says
  nothing about the shape of the noise; below six rounds, the smallest and largest.
  """
  ratios = [mine / theirs for mine, theirs in zip(ours, rival, strict=True)]
  interval = stats.quantile_test(ratios, p=0.5).confidence_interval(0.95)
  has_interval = math.isfinite(interval.low) and math.isfinite(interval.high)
  return {
    'ratio': statistics.median(ratios),
    'low': float(interval.low) if has_interval else min(ratios),
    'high': float(interval.high) if has_interval else max(ratios),
  }


def record(
  name: str, device: str, rows: list[dict], missing: dict[str, str], **more
) -> None:
  """Writes results/benchmarks/`name`.json and its table, and prints the table.

  Args:
    name: of the JSON file and of the table.
    device: what it ran on.
    rows: the table, a flat dict for each line.
    missing: rivals that could not be measured, and why.
    **more: whatever else explains the numbers; JSON.
  """
  script = f'scripts/benchmarks/{Path(sys.argv[0]).name}'
  versions = provenance.versions()
  # Of the rivals that ran in this environment; torchvision may have its own.
  if re.search(r'\btorch\b', str(rows)):
    versions['torch'] = importlib.metadata.version('torch')
  origin = {
    'command': ' '.join(['python', script, *map(_shown, sys.argv[1:])]),
    'device': device,
    'git_revision': provenance.git_revision(),
    'versions': versions,
  }
  RESULTS.mkdir(parents=True, exist_ok=True)
  write_json(
    RESULTS / f'{name}.json', origin | {'table': rows, 'missing': missing} | more
  )
  write_readme()
  print('\n\n'.join([table(rows), *_absent(missing)]))


def _shown(argument: str) -> str:
  """An option without the place of a file on this machine."""
  name, _, value = argument.partition('=')
  return f'{name}=PATH' if value.startswith('/') else argument


def _absent(missing: dict[str, str]) -> list[str]:
  return [f'Not available: {name}: {reason}' for name, reason in missing.items()]


def table(rows: list[dict]) -> str:
  """Markdown, with the columns in the order in which they first appear."""
  columns = list(dict.fromkeys(column for row in rows for column in row))
  cells = ([_cell(row.get(column)) for column in columns] for row in rows)
  return tables.markdown(columns, cells)


def _cell(value) -> str:
  if value is None:
    return ''
  if isinstance(value, float):
    # Three digits; more would not survive a second run.
    return f'{value:.0f}' if abs(value) >= 100 else f'{value:.3g}'
  return str(value)


def write_readme() -> None:
  """The tables of results/benchmarks/README.md from all the JSON files beside it."""
  parts = []
  for path in sorted(RESULTS.glob('*.json')):
    found = json.loads(path.read_text())
    versions = ', '.join(f'{k} {v}' for k, v in found['versions'].items())
    parts += [
      f'### {path.stem}',
      found.get('about', ''),
      f'`{found["command"]}` on {found["device"]}, revision '
      f'`{found["git_revision"]}`, with {versions}.',
      table(found['table']),
      *_absent(found['missing']),
    ]
  text = '\n\n'.join(filter(None, parts))
  tables.replace_block(RESULTS / 'README.md', 'tables', text)


if __name__ == '__main__':
  write_readme()
