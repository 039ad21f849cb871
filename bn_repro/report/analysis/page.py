"""results/analysis/README.md: a section for each experiment that was run."""

from pathlib import Path

from bn_repro.report import collect, pages, tables
from bn_repro.report.analysis import (
  bias,
  equal_rates,
  ghost_batches,
  moving_average,
  noise,
  optimization,
  placement,
  scale,
  whitening,
)
from bn_repro.report.analysis.seeds import Results

SECTIONS = (
  bias, whitening, placement, scale, noise, optimization, ghost_batches,
  moving_average, equal_rates,
)  # fmt: skip
SWEEPS = tuple(name for section in SECTIONS for name in section.SWEEPS)
PAGES = (*(name for section in SECTIONS for name in section.PAGES), 'identities')
INTRODUCTION = """\
# Experiments around section 4.1's network

*Made by `scripts/report.py` from the files beside it; do not edit.*

MNIST, three layers of 100 sigmoid units, the settings of
[configs/analysis](../../configs/analysis) unless it says otherwise. Accuracy is on the
10,000 test images with population statistics; numbers are means over seeds with their
95 % intervals (Student's t), bands of figures span the seeds. What follows from them
for the paper's claims is in [claims.md](../claims.md).
"""
NOT_RUN = 'Not run yet; `bash scripts/reproduce.sh` does.\n'
COMMANDS = """\
## Made again by

`bash scripts/reproduce.sh`, or one at a time:

```
{sweeps}
python scripts/report.py --report=analysis --root=runs/analysis \\
  --results=results/analysis
```
"""


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  (results / 'README.md').write_text(text(read(results)))


def read(results: Path) -> Results:
  """Everything that is there."""
  sweeps = {name: collect.load(results, name) for name in SWEEPS}
  paths = {name: results / f'{name}.json' for name in PAGES}
  made = {name: pages.read(path, '') for name, path in paths.items() if path.exists()}
  return Results(sweeps, made, results)


def text(results: Results) -> str:
  """The page; draws the figures."""
  parts = [INTRODUCTION]
  for section in SECTIONS:
    is_there = all(results.sweeps[n] for n in section.SWEEPS) and all(
      n in results.pages for n in section.PAGES
    )
    body = section.section(results) if is_there else NOT_RUN
    parts.append(f'## {section.TITLE}\n\n{body}')
  parts.append(COMMANDS.format(sweeps='\n'.join(map(_command, SWEEPS))))
  if runs := [run for n in SWEEPS for run in results.sweeps[n]]:
    parts.append(tables.origin(runs))
  return '\n'.join(parts)


def _command(sweep: str) -> str:
  return (
    f'python scripts/sweep.py --sweep=configs/analysis/{sweep}.py '
    f'--root=runs/analysis/{sweep} --jobs=2'
  )
