"""results/analysis/README.md: a section for each experiment that was run."""

import json
from pathlib import Path

from bn_repro.paper import after_the_paper_ghost_batches as ghost_batches
from bn_repro.paper import after_the_paper_optimization as optimization
from bn_repro.paper import section_2_bias as bias
from bn_repro.paper import section_2_whitening as whitening
from bn_repro.paper import section_3_1_moving_average as moving_average
from bn_repro.paper import section_3_2_placement as placement
from bn_repro.paper import section_3_3_equal_rates as equal_rates
from bn_repro.paper import section_3_3_scale as scale
from bn_repro.paper import section_3_4_noise as noise
from bn_repro.report import collect, commands, tables
from bn_repro.report.seeds import Results

SECTIONS = (
  bias, whitening, placement, scale, noise, optimization, ghost_batches,
  moving_average, equal_rates,
)  # fmt: skip
SWEEPS = tuple(name for section in SECTIONS for name in section.SWEEPS)
PAGES = (*(name for section in SECTIONS for name in section.PAGES), 'identities')
_BATCH_NORM = 'mnist/figure1/batch_norm_seed0'
# Of each page, the experiment and the run under runs/ (None for no network).
ANALYSES = {
  'toy_bias': ('toy_bias', None),
  'whitening_cost': ('whitening_cost', None),
  'batch_noise': ('batch_noise', _BATCH_NORM),
  'identities': ('identities', _BATCH_NORM),
  'weight_scale_batch_norm': ('weight_scale', _BATCH_NORM),
  'weight_scale_baseline': ('weight_scale', 'mnist/figure1/baseline_seed0'),
  'nonlinearity_inputs_batch_norm': ('nonlinearity_inputs', _BATCH_NORM),
  'nonlinearity_inputs_baseline':
    ('nonlinearity_inputs', 'mnist/figure1/baseline_seed0'),
  'nonlinearity_inputs_inception':
    ('nonlinearity_inputs', 'inception/networks/inception_seed0'),
  'nonlinearity_inputs_bn_x30':
    ('nonlinearity_inputs', 'inception/networks/bn_x30_seed0'),
}  # fmt: skip
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
{commands}
python scripts/report.py --report=analysis --root=runs/analysis \\
  --results=results/analysis
```

The JSON of an analysis (such as identities.json) names its network's checkpoint, the
revision, the versions and the device; those of the sweeps are below.
"""


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  (results / 'README.md').write_text(text(read(results)))


def read(results: Path) -> Results:
  """Everything that is there."""
  sweeps = {name: collect.load(results, name) for name in SWEEPS}
  paths = {name: results / f'{name}.json' for name in PAGES}
  made = {n: json.loads(p.read_text()) for n, p in paths.items() if p.exists()}
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
  sweeps = (commands.sweep(f'analysis/{name}', f'analysis/{name}') for name in SWEEPS)
  analyses = (commands.analysis(*of, f'analysis/{n}') for n, of in ANALYSES.items())
  parts.append(COMMANDS.format(commands=commands.block(*sweeps, *analyses)))
  if runs := [run for n in SWEEPS for run in results.sweeps[n]]:
    parts.append(tables.origin(runs))
  return '\n'.join(parts)
