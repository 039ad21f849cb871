"""Experiments on a trained network, one for each claim.

usage:
  python -m bn_repro.analysis EXPERIMENT --workdir=DIR --output=FILE

experiments:
  population_batches   how many training mini-batches algorithm 2 needs
  shifted_data         what population statistics of shifted images mend (section 5)
  weight_scale         what the scale of a layer's weights changes (section 3.3); also
                       without batch normalization

flags:
  --workdir       the run, at its newest checkpoint
  --output        gets the measurements, as JSON
  --help          this text

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import argparse
import importlib
import sys
from pathlib import Path

from bn_repro import command_line, exits
from bn_repro.config import write_json
from bn_repro.errors import UserError
from bn_repro.messages import shown

EXPERIMENTS = ('population_batches', 'shifted_data', 'weight_scale')
FLAGS = command_line.Flags(('workdir', 'output'), ('help', 'h'))


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.leave_after(lambda: run(sys.argv[1:]))


def run(words: list[str]) -> None:
  """Parses the words that follow the program's name, then prints help or measures.

  Raises:
    UserError: the words, the run or the data are not as they must be.
  """
  if command_line.asks_for_help(words):
    return print(__doc__)
  if not words or words[0] not in EXPERIMENTS:
    named = f'no experiment {shown(words[0])}' if words else 'no experiment is named'
    raise UserError(f'{named}; there are {", ".join(EXPERIMENTS)}, see --help')
  command_line.check(words[1:], FLAGS)
  asked = parse(words[1:])
  command_line.check_folder_of(asked.output)
  measure(words[0], asked)


def measure(name: str, asked: argparse.Namespace) -> None:
  """Runs an experiment, prints its table and writes what it found."""
  from bn_repro import compilation, failures
  from bn_repro.evaluate.network import restore

  experiment = importlib.import_module(f'bn_repro.analysis.{name}')
  compilation.keep()
  with failures.in_one_line(partner_timeout=0):
    found = experiment.measure(restore(asked.workdir))
    write_json(asked.output, found)
  print(f'{experiment.table(found)}\nwritten: {asked.output}')


def parse(words: list[str]) -> argparse.Namespace:
  """The flags of a command line; raises UserError for the first that makes no sense."""
  parser = command_line.Parser()
  parser.add_argument('--workdir', type=Path, required=True)
  parser.add_argument('--output', type=Path, required=True)
  return parser.parse_args(words)
