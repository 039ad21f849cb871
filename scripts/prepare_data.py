"""Prepares a TFDS data set as array_record, which training reads without TensorFlow.

python scripts/prepare_data.py mnist
python scripts/prepare_data.py mnist --data_dir=/data/tensorflow_datasets

The builders of TFDS import TensorFlow; it goes into an environment of its own,
.venv-prepare, that nothing else uses and that may be deleted afterwards.
"""

import argparse
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ENVIRONMENT = PROJECT / '.venv-prepare'
# Not `tfds build`: TFDS 4.9.10's command line imports Apache Beam for every set.
BUILD = """
import sys
import tensorflow_datasets as tfds

name, data_dir = sys.argv[1:]
builder = tfds.builder(name, data_dir=data_dir, file_format='array_record')
builder.download_and_prepare()
"""


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('dataset', help='a name of the TFDS catalogue, such as mnist')
  parser.add_argument(
    '--data_dir',
    default=os.environ.get('TFDS_DATA_DIR', str(Path.home() / 'tensorflow_datasets')),
    help='where it goes: $TFDS_DATA_DIR, or ~/tensorflow_datasets if that is not set',
  )
  arguments = parser.parse_args()
  try:
    prepare(arguments.dataset, arguments.data_dir)
  except subprocess.CalledProcessError as error:
    print(
      f'error: preparing {arguments.dataset} failed (exit code {error.returncode}), '
      'the reason is above; the same command tries again',
      file=sys.stderr,
    )
    sys.exit(1)


def prepare(dataset: str, data_dir: str) -> None:
  """Makes the environment if it is missing, then builds the data set in it.

  Raises:
    subprocess.CalledProcessError: pip or the builder failed.
  """
  python = ENVIRONMENT / 'bin' / 'python'
  if not (ENVIRONMENT / 'complete').exists():
    print(f'making {ENVIRONMENT} with TensorFlow (some minutes)')
    venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([python, '-m', 'pip', 'install', '--quiet', *packages()], check=True)
    (ENVIRONMENT / 'complete').touch()
  subprocess.run([python, '-c', BUILD, dataset, data_dir], check=True)
  print(f'{dataset} is in {data_dir}; training finds it there with '
        f'TFDS_DATA_DIR={data_dir}')  # fmt: skip


def packages() -> list[str]:
  """The extra `prepare` of pyproject.toml."""
  project = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['project']
  return project['optional-dependencies']['prepare']


if __name__ == '__main__':
  main()
