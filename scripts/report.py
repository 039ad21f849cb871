"""Makes the tables and figures of results/ from finished runs.

python scripts/report.py --root=runs/mnist --results=results/mnist
python scripts/report.py --results=results/mnist      (again, from its own files)
python scripts/report.py --report=inception --root=runs/inception \\
  --results=results/inception
python scripts/report.py --report=analysis --root=runs/analysis \\
  --results=results/analysis
python scripts/report.py --report=population --results=results/population
python scripts/report.py --report=ensemble --root=runs/inception \\
  --results=results/ensemble
python scripts/report.py --report=claims --results=results
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bn_repro import exits, summary
from bn_repro.errors import UserError
from bn_repro.report import collect, ensemble, mnist, population, tables
from bn_repro.report.analysis import page as analysis
from bn_repro.report.claims import page as claims
from bn_repro.report.inception import page as inception

PROJECT = Path(__file__).resolve().parents[1]
# Of each report, its module and the sweeps that it is made from, the first needed; one
# without sweeps is made from what other commands wrote into its folder.
REPORTS = {
  'mnist': (mnist, mnist.SWEEPS),
  'inception': (inception, inception.SWEEPS),
  'analysis': (analysis, analysis.SWEEPS),
  'population': (population, ()),
  'ensemble': (ensemble, ensemble.SWEEPS),
  'claims': (claims, ()),
}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--report', choices=REPORTS, default='mnist')
  parser.add_argument('--root', type=Path, help='has one folder for each sweep')
  parser.add_argument('--results', type=Path, required=True, help='gets the files')
  arguments = parser.parse_args()
  exits.leave_after(lambda: report(arguments.report, arguments.root, arguments.results))


def report(name: str, root: Path | None, results: Path) -> None:
  """Collects what is finished under the root, if given, and writes what follows."""
  module, sweeps = REPORTS[name]
  found = [s for s in sweeps if root and any((root / s).glob(f'*/{summary.NAME}'))]
  if root and sweeps and not found:
    raise UserError(f'no finished run in {root}/{{{",".join(sweeps)}}}')
  for sweep in found:
    collect.collect(root / sweep, results, sweep)
  if sweeps and not (results / f'{sweeps[0]}.json').exists():
    raise UserError(f'no {sweeps[0]}.json in {results}; give the runs with --root')
  module.write(results)
  has_headline = hasattr(module, 'headline')
  if has_headline and results.resolve() == PROJECT / 'results' / name:
    text = module.headline(*(collect.load(results, sweep) for sweep in sweeps))
    tables.replace_block(PROJECT / 'README.md', f'{name} tables', text)
  for path in sorted(results.iterdir()):
    print(path)


if __name__ == '__main__':
  main()
