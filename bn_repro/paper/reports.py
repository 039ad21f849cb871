"""Every report of results/: what writes it, and which runs it is made from."""

from types import ModuleType
from typing import NamedTuple

from bn_repro.paper import analysis_page as analysis
from bn_repro.paper import claims, conformance, visitor_page
from bn_repro.paper import inception_page as inception
from bn_repro.paper import section_3_1_population as population
from bn_repro.paper import section_4_1_figure_1 as mnist
from bn_repro.paper import section_4_2_3_ensemble as ensemble


class Report(NamedTuple):
  """One folder of results/, or, for claims and page, results/ itself.

  Attributes:
    module: has `write(results)`; optionally `SWEEPS`, the names of its sweeps, of which
      only the first is needed, and `headline(results)`, a table of the project's
      README.
    runs: the folder of these sweeps under runs/; '' for a report without sweeps.
    prefix: begins the names of the files that list these sweeps, under configs/.
    takes_parts: whether it can be written when a sweep is half run.
    page: the file to read, among those that it writes.
  """

  module: ModuleType
  runs: str = ''
  prefix: str = ''
  takes_parts: bool = False
  page: str = 'README.md'

  @property
  def sweeps(self) -> dict[str, str]:
    """Where under configs/ each sweep is listed, by its name; the first is needed."""
    names = getattr(self.module, 'SWEEPS', ())
    return {name: f'{self.prefix}{name}.py' for name in names}


REPORTS = {
  'mnist': Report(mnist, 'mnist', 'sweeps/mnist_'),
  'analysis': Report(analysis, 'analysis', 'analysis/'),
  'inception': Report(inception, 'inception', 'sweeps/inception_', takes_parts=True),
  'population': Report(population),
  'ensemble': Report(ensemble, 'inception', 'sweeps/inception_'),
  'conformance': Report(conformance),
  'claims': Report(claims, page='claims.md'),
  'page': Report(visitor_page, page=visitor_page.NAME),  # of all that is above
}
