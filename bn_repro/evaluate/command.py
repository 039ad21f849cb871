"""Evaluates trained networks, alone and as an ensemble (section 4.2.3, figure 4).

usage:
  python -m bn_repro.evaluate --workdir=DIR[,DIR]... [--crops=1|144] [FLAG]...
  python -m bn_repro.evaluate --model=NAME[,NAME]... [--crops=1|144] [FLAG]...

examples:
  python -m bn_repro.evaluate --workdir=runs/bn_x30
  python -m bn_repro.evaluate --workdir=runs/one,runs/two,runs/three --crops=144
  python -m bn_repro.evaluate --workdir=runs/bn_x30 --dataset=imagenet_sample
  python -m bn_repro.evaluate --model=mnist_batch_norm

flags:
  --workdir       the runs, each at its newest checkpoint; several are evaluated as an
                  ensemble, too: the mean of their class probabilities
  --model         published models, by their names in results/models of a checkout, or
                  by the paths of their files NAME.safetensors; with --workdir or
                  without
  --crops         1 (the centre) or 144 (GoogLeNet's, whose probabilities are averaged;
                  half are mirror images, which runs with dataset.mirror=false go
                  without); 1 if not given
  --dataset       another data set with the same classes, by its name in TFDS; if not
                  given, that of the runs. Its validation split is read, or test where
                  there is none
  --statistics    population (algorithm 2, as every number that is reported) or
                  moving_average; population if not given
  --population_batches
                  training mini-batches that population statistics are averaged over;
                  100 if not given. Not with moving_average, which has none
  --weights       plain, or averaged: the Polyak average of a run with polyak_decay, as
                  published models of such runs have; if not given, the plain ones of a
                  run, and those that a published model has
  --examples      how many examples, from the first; all if not given
  --workers       processes that decode, 0 for threads; if not given, as each run had
  --output        the file for the result; if not given, one in DIR/evaluation of the
                  first run; of a model DIR is in ~/.cache/bn_repro/models
  --help          this text

DIR/evaluation keeps population statistics and the predictions for every example;
another evaluation of the same checkpoint reuses them. A command that was stopped
continues where it was. Data sets of TFDS are read from $TFDS_DATA_DIR.

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import argparse
import os
import sys
from pathlib import Path

from bn_repro.evaluate.request import (
  CROPS,
  MOVING_AVERAGE,
  POPULATION,
  STATISTICS,
  WEIGHTS,
  Request,
  check_together,
)
from bn_repro.run import command_line, devices, exits, places, published
from bn_repro.run.errors import UserError, shown


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv[1:]))


def run(words: list[str]) -> None:
  """Parses the words that follow the program's name, then prints help or evaluates."""
  if command_line.asks_for_help(words):
    return print(__doc__)
  arguments = parse(words)
  places.check_variables()
  devices.start()
  from bn_repro.evaluate.evaluation import evaluate
  from bn_repro.run import compilation

  compilation.keep()
  request = Request(*(getattr(arguments, field) for field in Request._fields))
  evaluate(
    arguments.workdir, request, arguments.output, arguments.workers, arguments.model
  )


def parse(words: list[str]) -> argparse.Namespace:
  """The flags of a command line; raises UserError for the first that makes no sense."""
  parser = command_line.Parser()
  parser.add_argument('--workdir')
  parser.add_argument('--model', type=lambda text: text.split(','), default=[])
  parser.add_argument('--crops', type=int, choices=CROPS, default=1)
  parser.add_argument('--dataset')
  parser.add_argument('--statistics', choices=STATISTICS, default=POPULATION)
  parser.add_argument('--population_batches', type=_at_least_one)
  parser.add_argument('--weights', choices=WEIGHTS)
  parser.add_argument('--examples', type=_at_least_one)
  parser.add_argument('--workers', type=command_line.workers)
  parser.add_argument('--output')
  arguments = places.of_flags(
    parser.parse_args(words), workdir=workdirs_of, output=places.output
  )
  _check_statistics(arguments)
  arguments.workdir = arguments.workdir or []
  if not arguments.workdir and not arguments.model:
    raise UserError('--workdir or --model is missing; name what to evaluate')
  paths = [published.find(name, '--model').resolve() for name in arguments.model]
  if len(set(paths)) < len(paths):
    names = shown(','.join(arguments.model))
    raise UserError(f'--model={names}: a model is given twice')
  return arguments


def _check_statistics(arguments: argparse.Namespace) -> None:
  """Sets the number of mini-batches; UserError where flags contradict each other."""
  check_together(arguments.statistics, arguments.weights)
  if arguments.population_batches is None:
    arguments.population_batches = Request().population_batches
  elif arguments.statistics == MOVING_AVERAGE:
    raise UserError(
      f'--statistics={MOVING_AVERAGE} averages over no --population_batches; leave one '
      'of the two flags out'
    )


def workdirs_of(text: str, flag: str) -> list[Path]:
  """The workdirs of a list with commas."""
  is_one = os.path.isdir(places.path(text, flag))  # its name may have a comma
  names = [text] if is_one else text.split(',')
  if not all(names):
    raise UserError(f'{flag}={shown(text)}: a directory has no name')
  workdirs = [places.folder(name, flag) for name in names]
  if len({workdir.resolve() for workdir in workdirs}) < len(workdirs):
    raise UserError(f'{flag}={shown(text)}: a directory is given twice')
  return workdirs


def _at_least_one(text: str) -> int:
  if not text.isdecimal() or int(text) < 1:
    raise argparse.ArgumentTypeError(f'{text!r} is not a number from 1')
  return int(text)
