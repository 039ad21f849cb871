"""Experiments for single claims, most of them on a trained network.

usage:
  python -m bn_repro.analysis EXPERIMENT --workdir=DIR --output=FILE
  python -m bn_repro.analysis EXPERIMENT --output=FILE

of a trained network with batch normalization:
  batch_noise          what batch-mates do to an answer (section 3.4); of section 4.1
  identities           what holds but for rounding (sections 3 to 3.2); of section 4.1
  population_batches   how many training mini-batches algorithm 2 needs
  shifted_data         what population statistics of shifted images mend (section 5)
with it or without:
  nonlinearity_inputs  their distribution: Gaussian, sparse? (sections 3.2 and 5)
  weight_scale         what the scale of a layer's weights changes (section 3.3); of
                       section 4.1
of no network:
  toy_bias             section 2's example, a bias that runs away
  whitening_cost       of whitening a layer, against its width (section 2)

flags:
  --workdir       the run, at its newest checkpoint; not for the last two
  --workers       processes that decode, 0 for threads; if not given, as the run had
  --output        gets the measurements, as JSON
  --help          this text

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import argparse
import importlib
import sys
import time

from bn_repro.run import command_line, devices, exits, places
from bn_repro.run.config import write_json
from bn_repro.run.errors import UserError, shown

OF_NETWORK = (
  'batch_noise', 'identities', 'nonlinearity_inputs', 'population_batches',
  'shifted_data', 'weight_scale',
)  # fmt: skip
ALONE = ('toy_bias', 'whitening_cost')
EXPERIMENTS = (*OF_NETWORK, *ALONE)
FLAGS = command_line.Flags(('workdir', 'workers', 'output'), ('help', 'h'))


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv[1:]))


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
  if (asked.workdir is None) != (words[0] in ALONE):
    does = 'takes no' if asked.workdir else 'needs a'
    raise UserError(f'{words[0]} {does} --workdir; see --help')
  places.check_variables()
  measure(words[0], asked)


def measure(name: str, asked: argparse.Namespace) -> None:
  """Runs an experiment, prints its table and writes what it found."""
  devices.start()
  from bn_repro.evaluate import trained_on
  from bn_repro.evaluate.network import restore
  from bn_repro.run import compilation, settings

  experiment = importlib.import_module(f'bn_repro.analysis.{name}')
  compilation.keep()
  with settings.fixed():
    began = time.perf_counter()
    subject = [restore(asked.workdir, asked.workers)] if asked.workdir else []
    if subject:
      (differing,) = trained_on.differences(subject, subject[0].config.dataset.name)
    found = experiment.measure(*subject)
    found['seconds'] = time.perf_counter() - began
    if subject:
      found['differs_from_training'] = differing
    write_json(asked.output, found)
  print(f'{experiment.table(found)}\nwritten: {asked.output}')


def parse(words: list[str]) -> argparse.Namespace:
  """The flags of a command line; raises UserError for the first that makes no sense."""
  parser = command_line.Parser()
  parser.add_argument('--workdir')
  parser.add_argument('--workers', type=command_line.workers)
  parser.add_argument('--output', required=True)
  return places.of_flags(
    parser.parse_args(words), workdir=places.folder, output=places.output
  )
