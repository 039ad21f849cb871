"""Prepares a data set as array_record, which training reads without TensorFlow.

python scripts/prepare_data.py mnist
python scripts/prepare_data.py cifar10 --data_dir=/data/tensorflow_datasets
python scripts/prepare_data.py imagenette
python scripts/prepare_data.py imagenette_160
python scripts/prepare_data.py imagenet2012 --archives=DIR
python scripts/prepare_data.py folder --images=DIR --name=my_images
python scripts/prepare_data.py emnist/letters

Any other name of the TFDS catalogue works too, such as fashion_mnist, kmnist, cifar100
and svhn, which is svhn_cropped, if an example has one image of 8 bits and one label;
others are refused before they are downloaded. imagenette is its newest full-size
configuration, imagenette/full-size-v2; imagenette_160 are the central squares of its
small one, imagenette/160px-v2, which is built first and may be deleted. imagenet2012
is built from two files that you must fetch from image-net.org:
ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar. folder takes train/CLASS/*.jpg and
validation/CLASS/*.jpg (or val), and test/CLASS/*.jpg (stored as validation where there
is no other). Every picture is decoded before anything is stored: one that is cut short
stops it, or is left out with --on_corrupt=skip. JPEG, PNG, GIF and BMP are stored as
they are, but for those that EXIF says are sideways: they are turned upright, unless
--orientation=keep. It prints how many are of which kind and what becomes of them.

The builders of TFDS import TensorFlow; it goes into an environment of its own,
.venv-prepare (2.2 GB), that nothing else uses and that may be deleted afterwards.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from prepare_data_inputs import (
  IMAGE_NET,
  TRAIN_ARCHIVE,
  VALIDATION_ARCHIVE,
  UserError,
  check_archives,
  check_data_dir,
  check_images,
  check_name,
  image_folder,
)
from project import PROJECT

from bn_repro.run import places
from bn_repro.run.errors import MachineError, leave, of_machine

BUILDERS = Path(__file__).with_name('prepare_data_builders.py')
# Names that are shorter than those of the catalogue.
SHORT = {'imagenette': 'imagenette/full-size-v2', 'svhn': 'svhn_cropped'}
OF_FOLDER = ('images', 'name', 'on_corrupt', 'orientation')  # flags
# Of what the squares are.
SQUARES = {'imagenette_160': 'imagenette/160px-v2'}


def main() -> None:
  try:
    prepare(parse(sys.argv[1:]))
  except (UserError, MachineError) as error:
    leave(f'error: {error}', error.exit_code)
  except subprocess.CalledProcessError as error:
    if error.output:  # that of pip, which venv catches
      print(error.output.decode(errors='replace'), file=sys.stderr)
    command = ' '.join(map(str, error.cmd))
    leave(f'error: exit code {error.returncode}, for the reason above, of '
          f'`{command}`; the same call of prepare_data.py tries again', 1)  # fmt: skip
  except KeyboardInterrupt:
    leave('interrupted; nothing is kept but whole downloads', 130)
  except OSError as error:
    leave(f'error: {of_machine(error)}', MachineError.exit_code)


def prepare(arguments: argparse.Namespace) -> None:
  """Checks the inputs, makes the environment if need be, builds the data set in it.

  Raises subprocess.CalledProcessError if venv, pip or the builder failed.
  """
  request = check(arguments)
  command = [make_environment(arguments.environment), BUILDERS, *request]
  code = run(command)
  if code in (UserError.exit_code, MachineError.exit_code):
    sys.exit(code)  # the builder has said why
  if code:
    raise subprocess.CalledProcessError(code, command)
  print(f'the data set is in {arguments.data_dir}; training finds it there with '
        f'TFDS_DATA_DIR={arguments.data_dir}')  # fmt: skip


class Parser(argparse.ArgumentParser):
  """Raises a `UserError` where argparse prints the usage and leaves."""

  def error(self, message: str):
    raise UserError(f'{message}; --help shows what is allowed')


def parse(words: list[str]) -> argparse.Namespace:
  """The command line, with paths made absolute."""
  parser = Parser(
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument('dataset', help='a name of the TFDS catalogue, or folder')
  parser.add_argument('--archives', metavar='DIR', help=(
    'files fetched by hand, such as the two of imagenet2012'))  # fmt: skip
  parser.add_argument('--images', metavar='DIR', help=(
    'for folder: has train/CLASS/*.jpg and validation/CLASS/*.jpg'))  # fmt: skip
  parser.add_argument('--name', help='for folder: what the data set will be called')
  parser.add_argument(
    '--on_corrupt', choices=('stop', 'skip'),
    help='for folder: what to do where a picture cannot be read; stop if not given',
  )  # fmt: skip
  parser.add_argument(
    '--orientation', choices=('apply', 'keep'),
    help='for folder: whether sideways pictures are turned; apply if not given',
  )  # fmt: skip
  parser.add_argument(
    '--data_dir', metavar='DIR',
    help='where it goes: $TFDS_DATA_DIR, or ~/tensorflow_datasets if that is not set',
  )  # fmt: skip
  parser.add_argument(
    '--environment', metavar='DIR',
    help='where TensorFlow goes: $BN_REPRO_PREPARE_ENVIRONMENT, or .venv-prepare here',
  )  # fmt: skip
  return _with_paths(parser.parse_args(words))


def _with_paths(arguments: argparse.Namespace) -> argparse.Namespace:
  """Flags that are paths, absolute; those not given from variables."""
  flags = ('archives', 'images', 'data_dir', 'environment')
  places.of_flags(
    arguments, **dict.fromkeys(flags, places.folder) | {'environment': places.path}
  )
  for flag, variable, default in (
    ('data_dir', 'TFDS_DATA_DIR', '~/tensorflow_datasets'),
    ('environment', 'BN_REPRO_PREPARE_ENVIRONMENT', str(PROJECT / '.venv-prepare')),
  ):
    if getattr(arguments, flag) is None:
      chosen = places.variable(variable) or places.path(default, f'--{flag}')
      setattr(arguments, flag, chosen)
  for flag in flags:
    if path := getattr(arguments, flag):
      setattr(arguments, flag, path.absolute())
  return arguments


def check(arguments: argparse.Namespace) -> list[str]:
  """The arguments of prepare_data_builders.py, whose inputs are there and sound."""
  dataset, data_dir = arguments.dataset, str(arguments.data_dir)
  if dataset == 'folder':
    size = _check_folder(arguments)
    options = arguments.orientation or 'apply', arguments.on_corrupt or 'stop'
    request = ['folder', arguments.name, data_dir, str(arguments.images), *options]
  elif any(getattr(arguments, flag) is not None for flag in OF_FOLDER):
    raise UserError(f'--{", --".join(OF_FOLDER)} are for `folder`, not for {dataset}')
  else:
    size = _check_catalogue(arguments)
    if dataset in SQUARES:
      request = ['squares', dataset, data_dir, SQUARES[dataset]]
    else:
      archives = [str(arguments.archives)] if arguments.archives else []
      request = ['catalogue', SHORT.get(dataset, dataset), data_dir, *archives]
  check_data_dir(arguments.data_dir, size)
  return request


def _check_folder(arguments: argparse.Namespace) -> int:
  if not arguments.images or not arguments.name or arguments.archives:
    raise UserError('`folder` needs --images=DIR and --name=NAME, and no --archives')
  check_name(arguments.name, arguments.data_dir)
  return check_images(image_folder(arguments.images), arguments.on_corrupt or 'stop')


def _check_catalogue(arguments: argparse.Namespace) -> int:
  archives = arguments.archives
  if re.split('[/:]', arguments.dataset)[0] == 'imagenet2012':
    if not archives:
      raise UserError(
        f'imagenet2012 needs --archives=DIR, which has {TRAIN_ARCHIVE} and '
        f'{VALIDATION_ARCHIVE}; {IMAGE_NET}'
      )
    return check_archives(archives)
  if archives and not archives.is_dir():
    raise UserError(f'--archives={archives} is no folder')
  if not re.fullmatch(r'[a-z]\w*([/:][\w.*+-]+)*', arguments.dataset):
    raise UserError(
      f'{arguments.dataset!r} cannot be a name of the TFDS catalogue; those are like '
      'mnist, imagenette/full-size-v2 or mnist:3.0.1'
    )
  return 0


def make_environment(directory: Path) -> Path:
  """The Python of the environment, which is made or completed if need be."""
  python, installed = directory / 'bin' / 'python', directory / 'installed'
  wanted = '\n'.join(packages())
  if python.exists() and installed.exists() and installed.read_text() == wanted:
    return python
  print(f'making {directory} with TensorFlow (about a minute)', flush=True)
  try:
    venv.create(directory, with_pip=True)
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or error
    raise UserError(f'--environment={directory}: {reason}') from error
  # Bytecode of all of TensorFlow takes longer than that of the part that is used.
  install = ['-m', 'pip', 'install', '--quiet', '--no-compile', *packages()]
  subprocess.run([python, *install], check=True)
  installed.write_text(wanted)
  return python


def packages() -> list[str]:
  """The extra `prepare` of pyproject.toml."""
  project = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['project']
  return project['optional-dependencies']['prepare']


def run(command: list) -> int:
  """The exit code of a command; after Ctrl-C, which it hears too, waits for its end."""
  process = subprocess.Popen(command, env={'TF_CPP_MIN_LOG_LEVEL': '2'} | os.environ)
  try:
    return process.wait()
  except KeyboardInterrupt:
    # It cleans up; subprocess.run would kill it in the middle.
    process.wait()
    raise


if __name__ == '__main__':
  main()
