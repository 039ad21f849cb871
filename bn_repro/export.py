"""Writes a trained network to a file that needs no part of this package.

usage:
  python -m bn_repro.export --workdir=DIR --output=FILE [FLAG]...

The network of the newest checkpoint, its batch normalization folded into the layers
before it (section 3.1), as a program of StableHLO for CPU, NVIDIA and AMD GPUs and TPU.
It takes any number of crops of the size that the network was trained on, uint8 of 0 to
255, [batch, height, width, 3] (for section 4.1's network of grey images [batch, height,
width]), and gives the probability of each class, float32 [batch, classes]:

  from jax import export
  network = export.deserialize(open(FILE, 'rb').read())
  probabilities = network.call(images)

These lines need jax, numpy and flatbuffers, which jax uses and does not require:
`pip install jax numpy flatbuffers`. The file also says what it holds, to Python alone:

  import json, zipfile
  model = json.loads(zipfile.ZipFile(FILE).read('model.json'))

the names of the classes in the order of the probabilities (null if it has none), size
and values of the crops, network, step, weights (plain or averaged), statistics, digest
of the checkpoint, versions that wrote it, and oldest_jax, which reads it: 0.8.2 for
what jax 0.8.2 to 0.11 wrote, 0.11 for 0.12; for other writers their own version. Newer
ones read it for half a year at least, which is what JAX promises: 0.12 refuses a file
of 0.8.0.

An output that ends in .safetensors gets the weights of a finished run instead, averaged
if it keeps an average, with population statistics, and beside it a card of JSON, as in
results/models. Such a model can be evaluated (--model=FILE of bn_repro.evaluate), start
a run (--init_from=FILE of bn_repro) and be loaded without this package: docs/models.md.

flags:
  --workdir       the run
  --output        the file to write
  --statistics    population (algorithm 2, as every number that is reported) or
                  moving_average; population if not given
  --weights       plain, or averaged: the Polyak average of a run with polyak_decay;
                  plain if not given. Not of an output that ends in .safetensors
  --help          this text

exit codes: as those of `python -m bn_repro --help`.
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import argparse
import sys

from bn_repro.evaluate.request import (
  POPULATION,
  STATISTICS,
  WEIGHTS,
  check_together,
)
from bn_repro.run import command_line, devices, exits, places, published
from bn_repro.run.errors import UserError


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv[1:]))


def run(words: list[str]) -> None:
  """Parses the words that follow the program's name, then prints help or exports."""
  if command_line.asks_for_help(words):
    return print(__doc__)
  arguments = parse(words)
  places.check_variables()
  devices.start()
  from bn_repro.evaluate import publish, serving
  from bn_repro.run import compilation

  compilation.keep()
  if arguments.output.suffix == published.ENDING:
    publish.publish(arguments.workdir, arguments.output)
    return
  serving.export(
    arguments.workdir, arguments.statistics, arguments.output, arguments.weights
  )


def parse(words: list[str]) -> argparse.Namespace:
  """The flags of a command line; raises UserError for the first that makes no sense."""
  parser = command_line.Parser()
  parser.add_argument('--workdir', required=True)
  parser.add_argument('--output', required=True)
  parser.add_argument('--statistics', choices=STATISTICS, default=POPULATION)
  parser.add_argument('--weights', choices=WEIGHTS)
  arguments = places.of_flags(
    parser.parse_args(words), workdir=places.folder, output=places.output
  )
  check_together(arguments.statistics, arguments.weights)
  is_published = arguments.output.suffix == published.ENDING
  if is_published and arguments.weights:
    raise UserError(
      f'a file {published.ENDING} holds the weights that the reports evaluate; leave '
      '--weights out'
    )
  if is_published and arguments.statistics != POPULATION:
    raise UserError(
      f'a file {published.ENDING} holds population statistics; use '
      f'--statistics={POPULATION}, or another ending of --output'
    )
  if is_published:
    published.check_output(arguments.output, '--output')
  return arguments


if __name__ == '__main__':
  main()
