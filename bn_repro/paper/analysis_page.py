"""results/analysis/README.md: a section for each experiment that was run."""

import contextlib
from pathlib import Path

from bn_repro.paper import (
  after_the_paper,
  section_2_bias,
  section_2_whitening,
  section_3_1_population,
  section_3_2_placement,
  section_3_3_scale,
  section_3_4_noise,
  section_3_identities,
  section_4_1_covariate_shift,
)
from bn_repro.report import commands, pages, tables
from bn_repro.report.pages import Missing, Results

# By its sweep, the title of each section and what writes it from the runs of the sweep.
SECTIONS = {
  'runaway_bias':
    ('Section 2: the bias that runs away (claim 3)', section_2_bias.section),
  'whitening': ('Section 2: whitening', section_2_whitening.section),
  'placement':
    ('Section 3.2: placement, and the distributions there (claims 5, 7 and 29)',
     section_3_2_placement.section),
  'initial_scale':
    ('Section 3.3: the scale of weights (claims 4 and 27)', section_3_3_scale.section),
  'regularization':
    ('Section 3.4: the noise of batch-mates (claim 17)', section_3_4_noise.section),
  'optimization':
    ('Section 4.1 and after: is it covariate shift? (claims 2 and 28)',
     section_4_1_covariate_shift.section),
  'ghost_batches':
    ('After: ghost batches (Hoffer et al., 2017)', after_the_paper.ghost_batches),
  'moving_average':
    ('After: precise statistics (Wu & Johnson, 2021)', after_the_paper.moving_average),
  'equal_rates':
    ('After: equal learning rates (Bjorck et al., 2018)', after_the_paper.equal_rates),
}  # fmt: skip
SWEEPS = tuple(SECTIONS)
# The runs under runs/ of the networks that are measured.
NETWORKS = {
  'batch_norm': 'mnist/figure1/batch_norm_seed0',
  'baseline': 'mnist/figure1/baseline_seed0',
  'inception': 'inception/networks/inception_seed0',
  'bn_x30': 'inception/networks/bn_x30_seed0',
}
# Of each page, the experiment and its run (None for no network).
ANALYSES = {
  'toy_bias': ('toy_bias', None),
  'whitening_cost': ('whitening_cost', None),
  'batch_noise': ('batch_noise', NETWORKS['batch_norm']),
  'identities': ('identities', NETWORKS['batch_norm']),
  'weight_scale_batch_norm': ('weight_scale', NETWORKS['batch_norm']),
  'weight_scale_baseline': ('weight_scale', NETWORKS['baseline']),
  **{
    f'nonlinearity_inputs_{name}': ('nonlinearity_inputs', run)
    for name, run in NETWORKS.items()
  },
}
# The table that `python -m bn_repro.analysis` prints for each experiment.
TABLES = {
  'batch_noise': section_3_4_noise.noise_table,
  'identities': section_3_identities.table,
  'nonlinearity_inputs': section_3_2_placement.shape_table,
  'population_batches': section_3_1_population.batches_table,
  'shifted_data': section_3_1_population.shifts_table,
  'toy_bias': section_2_bias.toy_table,
  'weight_scale': section_3_3_scale.factors_table,
  'whitening_cost': section_2_whitening.cost_table,
}
NOT_RUN = 'Not run yet; `bash scripts/reproduce.sh` does.\n'


def write(results: Path) -> None:
  """Writes the README and the figures of `results` from its JSON and CSV files."""
  (results / 'README.md').write_text(text(Results(results)))


def text(results: Results) -> str:
  """The page; draws the figures."""
  everything, sections = [], {}
  for sweep, (title, section) in SECTIONS.items():
    sections[title] = NOT_RUN
    with contextlib.suppress(Missing):
      runs = results.runs(sweep)
      everything += runs
      sections[title] = section(results, runs)
  sweeps = (commands.sweep(f'analysis/{name}', f'analysis/{name}') for name in SWEEPS)
  analyses = (commands.analysis(*of, f'analysis/{n}') for n, of in ANALYSES.items())
  return pages.render(
    'analysis_page', sections=sections, commands=commands.block(*sweeps, *analyses),
    origin=tables.origin(everything) if everything else '',
  )  # fmt: skip
