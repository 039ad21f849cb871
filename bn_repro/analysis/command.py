"""Experiments for single claims, most of them on a trained network.

usage:
  python -m bn_repro.analysis EXPERIMENT --workdir=DIR --output=FILE
  python -m bn_repro.analysis EXPERIMENT --output=FILE

for a trained network with batch normalization:
  batch_noise          how the other examples of a mini-batch change a prediction
                       (section 3.4); section 4.1's network
  identities           identities up to rounding (sections 3 to 3.2); section 4.1's
                       network
  population_batches   how many training mini-batches algorithm 2 needs
  shifted_data         the accuracy that population statistics of shifted images
                       recover (section 5); section 4.2's networks
with it or without:
  nonlinearity_inputs  their distribution: Gaussian, sparse? (sections 3.2 and 5)
  weight_scale         what the scale of a layer's weights changes (section 3.3);
                       section 4.1's network
without a network:
  toy_bias             section 2's example, a bias that grows without end
  whitening_cost       cost of whitening a layer, against its width (section 2)

At inference networks normalize with the moving averages of training;
population_batches and shifted_data compare other statistics with these, or with those
of algorithm 2. If a run keeps an average of its weights (polyak_decay), the plain
weights are measured, to which its moving averages belong; a line and the measurements
say so.

flags:
  --workdir       the run, at its newest checkpoint; not for toy_bias and whitening_cost
  --workers       processes that decode, 0 for threads; if not given, as the run had;
                  not for toy_bias and whitening_cost
  --output        gets the measurements, as JSON
  --help          this text

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import argparse
import importlib
import sys
import time

from bn_repro.run import command_line, devices, errors, exits, places
from bn_repro.run.config import write_json
from bn_repro.run.errors import UserError, shown

OF_NETWORK = (
  'batch_noise', 'identities', 'nonlinearity_inputs', 'population_batches',
  'shifted_data', 'weight_scale',
)  # fmt: skip
ALONE = ('toy_bias', 'whitening_cost')
EXPERIMENTS = (*OF_NETWORK, *ALONE)


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv[1:]))


def run(words: list[str]) -> None:
  """Parses the words that follow the program's name, then prints help or measures."""
  if command_line.asks_for_help(words):
    return print(__doc__)
  if not words or words[0] not in EXPERIMENTS:
    problem = f'no experiment {shown(words[0])}' if words else 'no experiment is named'
    raise UserError(f'{problem}; there are {", ".join(EXPERIMENTS)}, see --help')
  arguments = parse(words[1:])
  if (arguments.workdir is None) != (words[0] in ALONE):
    does = 'takes no' if arguments.workdir else 'needs a'
    raise UserError(f'{words[0]} {does} --workdir; see --help')
  if words[0] in ALONE and arguments.workers is not None:
    raise UserError(f'{words[0]} takes no --workers, for it reads no data; see --help')
  places.check_variables()
  measure(words[0], arguments)


def measure(name: str, arguments: argparse.Namespace) -> None:
  """Runs an experiment, prints its table and writes its measurements."""
  devices.start()
  import jax

  from bn_repro.evaluate import trained_on
  from bn_repro.evaluate.network import restore
  from bn_repro.evaluate.result import about
  from bn_repro.paper.analysis_page import TABLES
  from bn_repro.run import compilation, provenance, settings

  experiment = importlib.import_module(f'bn_repro.analysis.{name}')
  compilation.keep()
  with settings.fixed():
    began, page, networks, differing = time.perf_counter(), {}, [], {}
    if arguments.workdir:
      network = restore(arguments.workdir, arguments.workers)
      if network.has_average:
        text = f'{arguments.workdir}: its plain weights, not their average'
        print(errors.line(text), file=sys.stderr)
      (differs,) = trained_on.differences([network], network.config.dataset.name)
      page, networks = about(network) | {'weights': network.weights}, [network]
      differing = {'differs_from_training': differs}
    page |= experiment.measure(*networks)
    page |= provenance.origin(jax.local_devices()[:1])
    page |= {'seconds': time.perf_counter() - began} | differing
    write_json(arguments.output, page)
  print(f'{TABLES[name](page)}\nwritten: {arguments.output}')


def parse(words: list[str]) -> argparse.Namespace:
  """The flags of a command line; raises UserError for the first that makes no sense."""
  parser = command_line.Parser()
  parser.add_argument('--workdir')
  parser.add_argument('--workers', type=command_line.workers)
  parser.add_argument('--output', required=True)
  return places.of_flags(
    parser.parse_args(words), workdir=places.folder, output=places.output
  )
