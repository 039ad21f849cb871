"""Workdirs that are none, or hold what no run has left there."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from reliability.hostile_case import FOLDER, SHORT, Case
from reliability.hostile_values import EMOJI, LONG, NO_TEXT

BASE = ('--config=configs/mnist.py:batch_norm', *SHORT)
BAD_PATHS = (
  '', 'file', 'file/below', 'file/', 'dangling', 'dangling/below', 'loop', 'loop/x',
  '/dev/null', '/dev/null/x', '/dev/zero', '/proc/x', '/proc/self/x', '/sys/x', 'pipe',
  'x' * 300, 'x/' * 2500, 'x' * 5000, LONG, NO_TEXT, f'{NO_TEXT}/x', '/' + 'x' * 4096,
  'to_file', '/etc/passwd', 'configs/mnist.py', 'configs/mnist.py/run',
)  # fmt: skip
# Strange, and yet names of directories.
ODD_NAMES = (
  '-',
  '--x',
  'a b',
  EMOJI,
  "it's",
  '%s',
  '{0}',
  '@x',
  'a=b',
  'ä/ö',
  '*',
)
DEEP = '[' * 100_000
CONFIG_FILES: dict[str, str | bytes] = {
  'empty': '',
  'a blank': ' \n',
  'half': '{"seed": ',
  'a list': '[1, 2]',
  'a number': '5',
  'a text': '"seed"',
  'null': 'null',
  'NaN': 'NaN',
  'an empty object': '{}',
  'nested deeply': DEEP,
  'nested deeply and whole': '{"a":' * 500 + '1' + '}' * 500,
  'nested objects without end': '{"a":' * 50_000,
  'a number of very many digits': '{"seed": ' + '9' * 5000 + '}',
  'not UTF-8': b'{"network": "\xff"}',
  'UTF-16': '{"seed": 0}'.encode('utf-16'),
  'zeros': bytes(10_000),
  'huge': b'{"a": "' + b'x' * 50_000_000 + b'"}',
  'another config': json.dumps({'seed': 1, 'model': {'name': 'mlp'}}),
  'many fields': json.dumps({f'field_{i}': i for i in range(10_000)}),
  'a field with an escape': json.dumps({'\x1b[2J\n\u202e': '\x1b[2J\n'}),
  'a field of bytes': json.dumps({'\udcff': '\udcff'}),
  'parts that are none': json.dumps({'model': 5, 'dataset': None}),
}
SUMMARIES: dict[str, str | bytes] = {
  'empty': '', 'half': '{"network": "x', 'a list': '[]', 'a number': '5',
  'null': 'null', 'an object': '{}', 'nested deeply': DEEP, 'not UTF-8': b'\xff\xfe',
  'a forged one': json.dumps({'network': 'x', 'final_test_accuracy': 1.0}),
  'a forged one with a digest': json.dumps({'final_test_accuracy': 1.0, 'sha256': 'x'}),
  'a digest that is none': json.dumps({'sha256': [1]}),
}  # fmt: skip


def paths() -> list[Case]:
  """Paths that cannot be made into a directory."""
  return [
    Case(
      'workdir',
      repr(path)[:80],
      (*BASE, f'--workdir={path}'),
      _strange_files,
      workdir=path or 'run',
      is_quick=not path.startswith(('/proc', '/sys', 'x', '/x')),
    )
    for path in BAD_PATHS
  ]


def _strange_files(folder: Path) -> None:
  (folder / 'file').write_text('kept')
  (folder / 'dangling').symlink_to('nowhere/at/all')
  (folder / 'loop').symlink_to('loop')
  (folder / 'to_file').symlink_to('file')
  os.mkfifo(folder / 'pipe')


def odd_names() -> list[Case]:
  """Directories with strange names are no mistake."""
  return [
    Case(
      'odd but right',
      f'workdir {name!r}',
      (*BASE, f'--workdir={name}'),
      workdir=name.partition('/')[0],
      is_mistake=False,
      is_quick=False,
    )
    for name in ODD_NAMES
  ] + [
    Case(
      'odd but right',
      'workdir of two lines',
      (*BASE, f'--workdir={FOLDER}/a\nb'),
      workdir='a\nb',
      is_mistake=False,
      is_quick=False,
    )
  ]


def contents() -> list[Case]:
  """A workdir of a run which holds other files than a run leaves."""
  arguments = (*BASE, f'--workdir={FOLDER}/run')
  return [
    *(
      Case('config.json', name, arguments, _with('config.json', content))
      for name, content in CONFIG_FILES.items()
    ),
    *(
      Case('summary.json', name, arguments, _with('summary.json', content))
      for name, content in SUMMARIES.items()
    ),
    *(
      Case(
        f'special {name}',
        kind,
        arguments,
        _with_special(name, make),
        # What was measured before the first checkpoint is written anew.
        is_mistake=name != 'metrics.jsonl' or kind == 'a directory',
        is_quick=name.endswith('.json'),
      )
      for name in ('config.json', 'summary.json', 'metrics.jsonl', 'checkpoints')
      for kind, make in SPECIAL.items()
      if (name, kind) != ('checkpoints', 'a directory')
    ),
  ]


SPECIAL: dict[str, Callable[[Path], None]] = {
  'a directory': lambda path: path.mkdir(),
  'a pipe': lambda path: os.mkfifo(path),
  'a link to itself': lambda path: path.symlink_to(path.name),
  'a link to /dev/zero': lambda path: path.symlink_to('/dev/zero'),
}


def _with(name: str, content: str | bytes) -> Callable[[Path], None]:
  def lay_out(folder: Path) -> None:
    (folder / 'run').mkdir()
    data = content.encode() if isinstance(content, str) else content
    (folder / 'run' / name).write_bytes(data)

  return lay_out


def _with_special(name: str, make: Callable[[Path], None]) -> Callable[[Path], None]:
  def lay_out(folder: Path) -> None:
    (folder / 'run').mkdir()
    make(folder / 'run' / name)

  return lay_out
