"""results/analysis/README.md: a section for each experiment that was run."""

from collections.abc import Callable
from pathlib import Path

from bn_repro.paper import (
  after_the_paper,
  section_2_bias,
  section_2_whitening,
  section_3_2_placement,
  section_3_3_scale,
  section_3_4_noise,
  section_4_1_covariate_shift,
)
from bn_repro.report import collect, commands, pages, tables
from bn_repro.report.pages import Missing, Results

# What writes each section; it reads the sweeps and pages that it needs by their names.
SECTIONS = {
  'Section 2: the bias that runs away (claim 3)': section_2_bias.section,
  'Section 2: whitening': section_2_whitening.section,
  'Section 3.2: placement, and the distributions there (claims 5, 7 and 29)':
    section_3_2_placement.section,
  'Section 3.3: the scale of weights (claims 4 and 27)': section_3_3_scale.section,
  'Section 3.4: the noise of batch-mates (claim 17)': section_3_4_noise.section,
  'Section 4.1 and after: is it covariate shift? (claims 2 and 28)':
    section_4_1_covariate_shift.section,
  'After: ghost batches (Hoffer et al., 2017)': after_the_paper.ghost_batches,
  'After: precise statistics (Wu & Johnson, 2021)': after_the_paper.moving_average,
  'After: equal learning rates (Bjorck et al., 2018)': after_the_paper.equal_rates,
}  # fmt: skip
SWEEPS = (
  'runaway_bias', 'whitening', 'placement', 'initial_scale', 'regularization',
  'optimization', 'ghost_batches', 'moving_average', 'equal_rates',
)  # fmt: skip
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
NOT_RUN = 'Not run yet; `bash scripts/reproduce.sh` does.\n'


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  (results / 'README.md').write_text(text(Results(results, figures=results)))


def text(results: Results) -> str:
  """The page; draws the figures."""
  sweeps = (commands.sweep(f'analysis/{name}', f'analysis/{name}') for name in SWEEPS)
  analyses = (commands.analysis(*of, f'analysis/{n}') for n, of in ANALYSES.items())
  runs = [run for name in SWEEPS for run in collect.load(results.folder, name)]
  return pages.render(
    'analysis_page',
    sections={title: _text_of(section, results) for title, section in SECTIONS.items()},
    commands=commands.block(*sweeps, *analyses),
    origin=tables.origin(runs) if runs else '',
  )


def _text_of(section: Callable[[Results], str], results: Results) -> str:
  try:
    return section(results)
  except Missing:
    return NOT_RUN
