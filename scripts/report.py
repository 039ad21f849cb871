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
python scripts/report.py --report=conformance --results=results/conformance
python scripts/report.py --report=claims --results=results
python scripts/report.py --report=page --results=results
"""

import argparse
from pathlib import Path

from project import PROJECT

from bn_repro.paper.reports import REPORTS, Report
from bn_repro.report import collect, tables
from bn_repro.run import exits, places
from bn_repro.run.errors import UserError
from bn_repro.training import sweep


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--report', choices=REPORTS, default='mnist')
  parser.add_argument('--root', help='has one folder for each sweep')
  parser.add_argument('--results', required=True, help='gets the files')
  paths = {'root': places.existing_folder, 'results': places.folder}
  arguments = places.parsed(parser, **paths)
  exits.exit_after(lambda: report(arguments.report, arguments.root, arguments.results))


def report(name: str, root: Path | None, results: Path) -> None:
  """Collects what is finished under the root, if given, and writes the report."""
  chosen = REPORTS[name]
  if root and not chosen.sweeps:
    raise UserError(
      f'--report={name} is made from no runs, but from files of its --results; leave '
      '--root out'
    )
  if root:
    gather(chosen, root, results)
  first = next(iter(chosen.sweeps), None)
  if first and not (results / f'{first}.json').exists():
    raise UserError(f'no {first}.json in {results}; give the runs with --root')
  if name == 'claims' and not results.is_dir():
    raise UserError(f'no directory {results}; give the folder of all results')
  chosen.module.write(results)
  if hasattr(chosen.module, 'headline') and results.resolve() == PROJECT / 'results':
    tables.replace_block(PROJECT / 'README.md', name, chosen.module.headline(results))
  print(f'written: {results / chosen.page}')


def gather(report: Report, root: Path, results: Path) -> None:
  """Puts the runs of each sweep into the results, or nothing if runs are missing."""
  finished = [name for name in report.sweeps if collect.finished(root / name)]
  if not finished:
    raise UserError(f'no finished run in {root}/{{{",".join(report.sweeps)}}}')
  if not report.takes_parts:
    for name in finished:
      listed = sweep.read(PROJECT / 'configs' / report.sweeps[name])
      collect.check_whole(root / name, results, name, [run.name for run in listed])
  for name in finished:
    collect.collect(root / name, results, name)


if __name__ == '__main__':
  main()
