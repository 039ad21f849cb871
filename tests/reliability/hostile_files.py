"""Files of a data set or of a run that is to go on, one of them changed.

A disk, a copy or a person did that. The run must be refused, or be the run that it
would have been. Does not know how a case is run or judged.
"""

import itertools
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.prepared import (
  NUM_CLASSES,
  Stored,
  examples,
  photograph,
  prepare,
  prepare_mnist,
)
from reliability.hostile_case import FOLDER, WORKDIR, Case, measured
from support import as_flags, program

LONGEST_PIECE = 200
FEW = {
  'train_for': '12 steps', 'log_every': '4 steps', 'evaluate_every': '6 steps',
  'checkpoint_every': '4 steps', 'population_batches': 2, 'batch_size': 8,
}  # fmt: skip
OF_PHOTOGRAPHS = {
  'dataset.name': 'made', 'dataset.num_classes': NUM_CLASSES, 'dataset.size': 16,
  'dataset.workers': 0, 'model.width': 0.0625, 'model.normalization_group': 0,
  'evaluation_batch_size': 8,
}  # fmt: skip
MNIST, RUN = 'MNIST', 'a run that goes on'
# Name of a data set: config and what it overrides.
DATA = {
  MNIST: ('mnist.py:batch_norm', {'dataset.name': 'mnist'}),
  'streamed photographs': (
    'bn_x5.py:digits', OF_PHOTOGRAPHS | {'dataset.feed': 'stream'}
  ),
  'resident photographs': (
    'bn_x5.py:digits', OF_PHOTOGRAPHS | {'dataset.feed': 'resident'}
  ),
}  # fmt: skip


class Subject(NamedTuple):
  """A command line, and the folder in which it finds what may be damaged.

  Attributes:
    name: for the counts.
    arguments: of the command line.
    folder: with `data/` or `run/` in it, which is copied for each case.
    measured: what a run gives that finds all as it was.
  """

  name: str
  arguments: tuple[str, ...]
  folder: Path
  measured: list[dict]


def subjects(base: Path, names: Iterable[str] | None = None) -> list[Subject]:
  """Prepares and runs what is to be damaged, below `base`; all, or some by name."""
  return [
    _of_a_run(base / name) if name == RUN else _of_data(base / name, name)
    for name in names or (*DATA, RUN)
  ]


def _of_data(folder: Path, name: str) -> Subject:
  """A run on a data set that was prepared for it."""
  config, overrides = DATA[name]
  if name == MNIST:
    digits = [Stored(photograph(i, 28, 28, 'L', 'PNG'), i % 10) for i in range(50)]
    prepare_mnist(folder / 'data', digits[:40], digits[40:])
  else:
    prepare(folder / 'data', 'made', examples(20), examples(10))
  arguments = (f'--config=configs/{config}', WORKDIR, *as_flags(FEW | overrides))
  return Subject(name, arguments, folder, _measured(folder, arguments))


def _of_a_run(folder: Path) -> Subject:
  """A run of which two checkpoints are left, neither of its last step."""
  overrides = FEW | {'dataset.name': 'digits'}
  arguments = ('--config=configs/mnist.py:batch_norm', WORKDIR, *as_flags(overrides))
  found = _measured(folder, arguments, keep=True)
  shutil.rmtree(folder / 'run' / 'checkpoints' / '12')
  (folder / 'run' / 'summary.json').unlink()
  return Subject(RUN, arguments, folder, found)


def _measured(folder: Path, arguments: tuple[str, ...], keep=False) -> list[dict]:
  words = [word.replace(FOLDER, str(folder)) for word in arguments]
  result = program(*words, TFDS_DATA_DIR=str(folder / 'data'))
  assert result.returncode == 0, result.stderr
  found = measured(folder / 'run')
  if not keep:
    shutil.rmtree(folder / 'run')
  return found


def cases(of: list[Subject], seed: int, number: int) -> list[Case]:
  """So many cases, the subjects and ways of damage in turn."""
  chance = random.Random(seed)
  pairs = itertools.product(WAYS, of)
  taken = itertools.islice(itertools.cycle(pairs), number)
  return [_case(subject, way, chance.randrange(2**32)) for way, subject in taken]


def _case(subject: Subject, way: str, seed: int) -> Case:
  files = sorted(path for path in subject.folder.rglob('*') if path.is_file())
  chosen = random.Random(seed).choice(files).relative_to(subject.folder)

  def lay_out(folder: Path) -> None:
    shutil.copytree(subject.folder, folder, dirs_exist_ok=True)
    path, chance = folder / chosen, random.Random(seed)
    data = path.read_bytes()
    path.unlink()
    WAYS[way](path, data, chance)

  return Case(
    f'damaged: {subject.name}',
    f'{chosen}: {way} (seed {seed})',
    subject.arguments,
    lay_out,
    {'TFDS_DATA_DIR': f'{FOLDER}/data'},
    is_mistake=False,
    is_quick=False,
    measured=subject.measured,
  )


def _place(data: bytes, chance: random.Random) -> int:
  """An index, mostly where there is something: the ends of shards are all zeros."""
  where = chance.randrange(max(1, len(data)))
  while data and not data[where] and chance.random() < 0.95:
    where = chance.randrange(len(data))
  return where


def _edited(edit: Callable[[bytes, int, random.Random], bytes]):
  """Writes a file again, with an edit at some place of it."""

  def way(path: Path, data: bytes, chance: random.Random) -> None:
    path.write_bytes(edit(data, _place(data, chance), chance))

  return way


def _one_bit(data: bytes, at: int, chance: random.Random) -> bytes:
  return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _another_digit(data: bytes, at: int, chance: random.Random) -> bytes:
  digits = list(_digits(data)) or [at]
  at = chance.choice(digits)
  return data[:at] + str(chance.randrange(10)).encode() + data[at + 1 :]


def _digits(data: bytes) -> Iterator[int]:
  return (i for i, byte in enumerate(data) if chr(byte) in '0123456789')


def _zeros(data: bytes, at: int, chance: random.Random) -> bytes:
  end = min(len(data), at + chance.randint(1, LONGEST_PIECE))
  return data[:at] + bytes(end - at) + data[end:]


def _a_piece_more(data: bytes, at: int, chance: random.Random) -> bytes:
  return data[:at] + chance.randbytes(chance.randint(1, LONGEST_PIECE)) + data[at:]


def _a_piece_less(data: bytes, at: int, chance: random.Random) -> bytes:
  return data[:at] + data[at + chance.randint(1, LONGEST_PIECE) :]


def _another_file(path: Path, data: bytes, chance: random.Random) -> None:
  """The content of a neighbour."""
  neighbours = sorted(p for p in path.parent.iterdir() if p.is_file())
  path.write_bytes(chance.choice(neighbours).read_bytes() if neighbours else b'')


WAYS: dict[str, Callable[[Path, bytes, random.Random], None]] = {
  'a bit flipped': _edited(_one_bit),
  'another digit': _edited(_another_digit),
  'a piece of zeros': _edited(_zeros),
  'a piece more': _edited(_a_piece_more),
  'a piece less': _edited(_a_piece_less),
  'cut short': _edited(lambda data, at, chance: data[:at]),
  'its end twice': _edited(lambda data, at, chance: data + data[at:]),
  'empty': lambda path, data, chance: path.touch(),
  'gone': lambda path, data, chance: None,
  'a directory': lambda path, data, chance: path.mkdir(),
  'the content of another': _another_file,
}
