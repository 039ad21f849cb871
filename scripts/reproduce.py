"""Makes the results again, as far as two CPU cores can in two hours.

bash scripts/reproduce.sh               sets up the environment and calls this
bash scripts/reproduce.sh --inception   first trains section 4.2's networks, too, for
                                        some three days

Trains every MNIST experiment under runs/ (finished runs are skipped), measures the
trained networks, and writes the tables and figures of results/. Those of section 4.2's
networks are made from the committed numbers, unless these networks are trained.

Exit codes: as those of scripts/sweep.py; what fails is named at the end.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from project import PROJECT

from bn_repro.paper import analysis_page
from bn_repro.paper import section_4_2_3_ensemble as ensemble
from bn_repro.paper.claims import headline
from bn_repro.paper.reports import REPORTS
from bn_repro.report import collect
from bn_repro.run import devices, exits, places
from bn_repro.run.errors import RunsFailed
from bn_repro.training import sweep

RUNS, RESULTS = Path('runs'), Path('results')


def lists_of(*reports: str) -> dict[str, str]:
  """Where under configs/ runs are listed, by the folder they go to, under `RUNS`."""
  return {
    f'{REPORTS[report].runs}/{name}': path
    for report in reports
    for name, path in REPORTS[report].sweeps.items()
  }


MNIST = lists_of('mnist', 'analysis')
INCEPTION = lists_of('inception', 'ensemble')
# The file in results/, the experiment and its run (None for no network).
ANALYSES = {
  **{f'analysis/{name}': of for name, of in analysis_page.ANALYSES.items()},
  **{
    f'population/{name}': (name, 'inception/networks/bn_x5_seed0')
    for name in ('population_batches', 'shifted_data')
  },
}  # fmt: skip
SCRIPTS = ('imagenet_plan.py', 'benchmarks/figures.py')


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--inception', action='store_true', help='trains these, too')
  parser.add_argument('--jobs', type=int, default=len(devices.cores()),
                      help='runs at a time (as many as there are cores)')  # fmt: skip
  arguments = places.parsed(parser)
  os.environ.update(places.environment())  # relative paths are those of where we came
  os.chdir(PROJECT)
  exits.exit_after(lambda: reproduce(arguments.inception, max(1, arguments.jobs)))


@sweep.interruptible()
def reproduce(with_inception: bool, jobs: int) -> None:
  """Trains, measures and reports; raises RunsFailed with all that failed."""
  failures, failed = {}, []
  stages = [('MNIST', MNIST)] + [("section 4.2's networks", INCEPTION)] * with_inception
  for title, sweeps in stages:
    print(f'== training: {title}', flush=True)
    failures |= train(sweeps, jobs)
  print('== measuring the trained networks', flush=True)
  failed += [name for name in ANALYSES if not analyse(name, *ANALYSES[name])]
  if with_inception:
    failed += [
      name for crops, name in ensemble.FILES.items() if not evaluate(crops, name)
    ]
  print('== tables and figures', flush=True)
  failed += [name for name in REPORTS if not report(name)]
  failed += [script for script in SCRIPTS if not _call(f'scripts/{script}')]
  print(headline(RESULTS))
  failures |= dict.fromkeys(failed, 'see above')
  if failures:
    raise RunsFailed(failures)


def train(sweeps: dict[str, str], jobs: int) -> dict[str, str]:
  """Runs all sweeps as one, under one progress bar; returns the failures."""
  runs = [
    run._replace(name=f'{folder}/{run.name}')
    for folder, path in sweeps.items()
    for run in sweep.read(PROJECT / 'configs' / path)
  ]
  together = sweep.Sweep(runs, RUNS, jobs)
  together.execute()
  return together.failures


def analyse(name: str, experiment: str, run: str | None) -> bool:
  """Measures a network, unless that was done; False if it fails.

  The numbers of a network that is not here stay as they are committed.
  """
  if run and not (RUNS / run / 'summary.json').exists():
    print(f'{name}: as committed; {RUNS / run} was not trained here')
    return True
  of_run = [f'--workdir={RUNS / run}'] if run else []
  is_made = (RUNS / 'pages' / f'{name}.json').exists()
  return make_page(name, 'bn_repro.analysis', experiment, *of_run, is_made=is_made)


def evaluate(crops: int, name: str) -> bool:
  """Evaluates the ensemble of section 4.2.3, from where it was stopped."""
  members = ','.join(str(RUNS / member) for member in ensemble.MEMBERS)
  words = (f'--workdir={members}', f'--crops={crops}')
  return make_page(f'ensemble/{name}', 'bn_repro.evaluate', *words)


def make_page(name: str, *words: str, is_made: bool = False) -> bool:
  """Lets a program write a page, and puts it into the results; False if it fails."""
  page, published = (root / f'{name}.json' for root in (RUNS / 'pages', RESULTS))
  for path in (page, published):
    path.parent.mkdir(parents=True, exist_ok=True)
  if not (is_made or _call('-m', *words, f'--output={page}')):
    return False
  shutil.copyfile(page, published)
  return True


def report(name: str) -> bool:
  """Writes a part of results/; False if it fails."""
  results = RESULTS if name in ('claims', 'page') else RESULTS / name
  root, sweeps = RUNS / REPORTS[name].runs, REPORTS[name].sweeps
  is_run = any(collect.finished(root / one) for one in sweeps)
  words = [f'--report={name}', f'--results={results}', *[f'--root={root}'] * is_run]
  return _call('scripts/report.py', *words)


def _call(*words: str) -> bool:
  return subprocess.run([sys.executable, *words]).returncode == 0


if __name__ == '__main__':
  main()
