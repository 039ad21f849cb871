"""Writes the curves of results/ as TensorBoard runs, to be seen beside your own.

usage:
  python -m bn_repro.curves --output=DIR [--only=PATTERN]

examples:
  python -m bn_repro.curves --output=runs/published --only=bn_x30
  python -m bn_repro.curves --output=runs/published --only='mnist/figure1/*'
  tensorboard --logdir runs

Each run of results/*/*_curves.csv becomes DIR/FOLDER/SWEEP/RUN, with the tags that
training writes and its row in the tab HParams; results/README.md explains the columns.
The tables hold steps and no times, so the axes Relative and Wall say nothing of these
runs. A run that is there already, with the same numbers, is left as it is.

flags:
  --output        the directory for the runs
  --only          those that match this name or shell pattern: a network and its
                  variant (bn_x30), a run (bn_x30_seed0), or FOLDER/SWEEP/RUN; all if
                  not given
  --help          this text

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import fnmatch
import sys
from pathlib import Path

from bn_repro.run import command_line, config_files, exits, places
from bn_repro.run.errors import UserError, shown

RESULTS = config_files.PROJECT / 'results'


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv[1:]))


def run(words: list[str]) -> None:
  """Parses the words that follow the program's name, then prints help or writes."""
  if command_line.asks_for_help(words):
    return print(__doc__)
  parser = command_line.Parser()
  parser.add_argument('--output', required=True)
  parser.add_argument('--only', default='*')
  arguments = places.of_flags(parser.parse_args(words), output=places.folder)
  write(arguments.output, arguments.only)


@exits.interruptible('stopped; what is written is whole, the same command continues')
def write(output: Path, only: str = '*') -> None:
  """Writes the published runs that a pattern fits, each whole or not at all."""
  from bn_repro.report import collect
  from bn_repro.run import summary, tensorboard

  chosen = {
    f'{folder.name}/{sweep}/{run.name}': run
    for folder, sweep in collect.sweeps_under(_results())
    for run in collect.load(folder, sweep)
    if _fits(only, collect.variant(run.name), run.name, f'{folder.name}/{sweep}')
  }
  if not chosen:
    raise UserError(
      f'--only={shown(only)} fits no published run; give the name of one, such as '
      'bn_x30_seed0, or a pattern, such as inception/networks/*'
    )
  number = 0
  for name, run in chosen.items():
    curves = collect.by_tag(run)
    numbers = summary.accuracies(run.summary)
    number += tensorboard.write_whole(
      output / name, curves, run.summary['last_step'], run.config, numbers
    )
  print(
    f'{len(chosen)} published runs in {output}: {number} written, '
    f'{len(chosen) - number} there before'
  )


def _results() -> Path:
  if not (config_files.IS_CHECKOUT and RESULTS.is_dir()):
    raise UserError(
      'there is no folder results here: the published curves come with a checkout of '
      'the bn_repro repository, not with the installed package; run this there'
    )
  return RESULTS


def _fits(only: str, variant: str, run: str, sweep: str) -> bool:
  names = (variant, run, f'{sweep}/{run}')
  return any(fnmatch.fnmatchcase(name, only) for name in names)


if __name__ == '__main__':
  main()
