"""Config files that a user might have written: broken, strange or malicious."""

import os
from pathlib import Path

from reliability.hostile_case import FOLDER, SHORT, WORKDIR, Case, files
from reliability.hostile_values import EMOJI, LONG, NO_TEXT

OWN = """from configs import mnist

def get_config(network='batch_norm'):
  config = mnist.get_config(network)
  config.dataset.name = 'digits'
  config.train_for = '1 step'
  with config.ignore_type(), config.unlocked():
    {}
  return config
"""
# One line inside `get_config` of a copy of configs/mnist.py.
WRONG_LINES = {
  'a field of another type': "config.batch_size = '60'",
  'a whole number that is none': 'config.batch_size = 60.0',
  'a truth value for a number': 'config.seed = True',
  'a number for a truth value': 'config.model.batch_norm = 1',
  'a text for a number': "config.learning_rate = '0.1'",
  'None': 'config.momentum = None',
  'NaN': "config.model.epsilon = float('nan')",
  'infinity': "config.learning_rate = float('inf')",
  'a huge number': 'config.learning_rate = 10**400',
  'a huge whole number': 'config.population_batches = 10**5000',
  'a complex number': 'config.learning_rate = 1j',
  'a number for a duration': 'config.train_for = 100',
  'bytes for a text': "config.dataset.name = b'digits'",
  'a zero in a text': r"config.dataset.name = 'dig\0its'",
  'a set of sizes': 'config.model.hidden_sizes = {100, 50}',
  'a text of sizes': "config.model.hidden_sizes = '100'",
  'sizes in sizes': 'config.model.hidden_sizes = ((100,), 100)',
  'a thousand layers': 'config.model.hidden_sizes = (10,) * 1000',
  'an object': 'config.seed = object()',
  'a function': 'config.learning_rate = lambda step: 0.1',
  'a model that is none': 'config.model = 5',
  'no data set': 'config.dataset = None',
  'a list for a part': "config.model = ['mlp']",
  'a name of another network': "config.model.name = 'inception'",
  'a name that is a list': "config.model.name = ['mlp']",
  'a field too many': 'config.learning_rat = 0.5',
  'a field too many in a part': 'config.model.sizes = (1,)',
  'a part too many': "config.optimizer = {'name': 'adam'}",
  'a field too few': 'del config.learning_rate',
  'a field too few in a part': 'del config.model.epsilon',
  'a part too few': 'del config.model',
  'half of a pair of fields': 'config.l2 = 0.1',
  'a config inside itself': 'config.model.config = config',
  'a very long name': "config.network = 'a' * 100_000",
  'a name of two lines': r"config.network = 'a\nb'",
  'an exception': "raise RuntimeError('first line\\nsecond line')",
  'an exception without text': 'raise KeyError',
  'an end with code 0': 'import sys; sys.exit(0)',
  'an end with a text': "import sys; sys.exit('good bye')",
  'a nested exception': '[].pop()',
  'an endless recursion': 'get_config()',
  'a missing file': "open('missing')",
  'a very long exception': "raise ValueError('x' * 100_000)",
  'an exception with an escape': r"raise ValueError('\x1b[2J\u202e\ud800')",
}
WRONG_FILES: dict[str, str | bytes] = {
  'empty': '',
  'a syntax error': 'def get_config(:\n',
  'a syntax error after many lines': '\n' * 1000 + 'x = = 1\n',
  'wrong indentation': 'def get_config():\n  x = 1\n    y = 2\n',
  'a zero byte': b'x = 1\0\n',
  'not UTF-8': b'name = "\xff\xfe"\n',
  'UTF-16': 'def get_config(): pass'.encode('utf-16'),
  'another encoding that is unknown': '# -*- coding: klingon -*-\n',
  'binary': bytes(range(256)) * 40,
  'compiled': b'\xa7\r\r\n' + bytes(100),
  'an archive': b'PK\x03\x04' + bytes(1000),
  'raises when imported': "raise RuntimeError('no')\n",
  'ends when imported': 'import sys\nsys.exit(0)\n',
  'ends with code 5': 'raise SystemExit(5)\n',
  'imports what is missing': 'import nowhere_to_be_found\n',
  'asserts when imported': 'assert False\n',
  'get_config is a number': 'get_config = 5\n',
  'get_config is a class': 'class get_config: pass\n',
  'get_config is another name': 'def get_configs():\n  return {}\n',
  'returns None': 'def get_config():\n  pass\n',
  'returns a dict': "def get_config():\n  return {'seed': 0}\n",
  'returns a list': 'def get_config():\n  return []\n',
  'returns an empty config': (
    'from ml_collections import ConfigDict\ndef get_config():\n  return ConfigDict()\n'
  ),
  'returns a config of numbers': (
    'from ml_collections import ConfigDict\n'
    "def get_config():\n  return ConfigDict({'model': 1, 'dataset': 2, 'seed': 'x'})\n"
  ),
  'wants two arguments': 'def get_config(a, b):\n  return a\n',
  'wants a keyword': 'def get_config(*, a):\n  return a\n',
  'is a generator': 'def get_config():\n  yield 1\n',
  'is a coroutine': 'async def get_config():\n  return 1\n',
  'very deep': 'x = ' + '(' * 5000 + ')' * 5000 + '\n',
  'a very long line': f'x = "{LONG}"\n',
  'a text instead of Python': 'the quick brown fox\n',
  'JSON': '{"seed": 0}\n',
  'YAML': 'seed: 0\nmodel:\n  name: mlp\n',
}
_ROOT = f'{FOLDER}/configs'
# Values of --config that are no configs, from the folder of the case.
WRONG_PATHS = (
  '', ' ', '.', '..', '/', './', 'configs', 'configs/', 'configs/sweeps', '../configs',
  '/dev/null', '/dev/zero', '/dev/random', '/dev/stdin', '/dev/tty', '/dev/fd/0',
  '/proc/self/mem', '/proc/self/environ', '/proc/self/cmdline', '/etc/passwd',
  '/etc/shadow', '~/config.py', '$HOME/config.py', 'nope.py', 'configs/nope.py',
  'configs/mnist', 'configs/mnist.py.py', 'configs/mnist.pyc', 'configs/MNIST.py',
  'configs.mnist', 'configs/*.py', 'configs/m?ist.py', ':', '::', ':batch_norm',
  'configs/mnist.py:', 'configs/mnist.py::', 'configs/mnist.py:nope',
  'configs/mnist.py:batch_norm:baseline', 'configs/mnist.py:batch_norm ',
  'configs/mnist.py: baseline', 'configs/mnist.py:BASELINE', 'configs/bn_x5.py:',
  'configs/bn_x5.py:imagenette_161', 'configs/bn_x5.py:../digits',
  'configs/ensemble.py:', 'configs/ensemble.py:0', 'configs/ensemble.py:7',
  'configs/ensemble.py:1,', 'configs/ensemble.py:1,,', 'configs/ensemble.py:digits,1',
  'configs/ensemble.py:1,digits,2', 'configs/__init__.py', 'configs/datasets.py',
  'configs/sweeps/quickstart.py', 'configs/sweeps/mnist_grid.py:1',
  f'{_ROOT}/../configs/../../README.md', f'{_ROOT}/../configs/nope/../mnist.py',
  f'{FOLDER}/../{"../" * 40}etc/passwd', '/' * 3000, 'a/' * 2000 + 'x.py',
  'x' * 300 + '.py', LONG, f'{LONG}.py', f'configs/mnist.py:{LONG}', NO_TEXT,
  f'{NO_TEXT}.py', f'configs/mnist.py:{NO_TEXT}', f'{EMOJI}.py', 'configs/mnist.py\n',
  'configs\nmnist.py', 'configs/mnist.py:base\nline', '\x1b[2J.py', '\u202eyp.tsinm',
  'http://example.org/config.py', 'file:///etc/passwd', '-', '--', '--help=1', '@x',
  "__import__('os').system('touch pwned')", 'None', '{}', '%s', 'configs\\mnist.py',
)  # fmt: skip
_PROJECT_FILES = (
  'bn_repro/training/command.py', 'bn_repro/__main__.py', 'bn_repro/run/config.py',
  'scripts/sweep.py', 'scripts/test.sh', 'README.md', 'pyproject.toml', 'LICENSE',
  'tests/support.py', 'tests/run/test_config.py', 'results/tensorboard.png',
)  # fmt: skip


def own_configs() -> list[Case]:
  """Files that import, but whose config is wrong."""
  return [
    Case('own config', name, (f'--config={FOLDER}/own.py', WORKDIR), _own(line))
    for name, line in WRONG_LINES.items()
  ]


def _own(line: str):
  return files({'own.py': OWN.format(line)})


def broken_files() -> list[Case]:
  """Files that are no config at all, named in both ways."""
  return [
    Case('config file', name, (*config, WORKDIR), files({'own.py': content}))
    for name, content in WRONG_FILES.items()
    for config in (['--config=own.py'], ['--config', f'{FOLDER}/own.py'])
  ]


def paths() -> list[Case]:
  """Paths that lead nowhere, or to what is no config."""
  strange = [
    Case('config path', repr(path)[:80], (f'--config={path}', WORKDIR, *SHORT))
    for path in WRONG_PATHS
    if path not in ('configs/ensemble.py:1,',)
  ]
  project = Path(__file__).resolve().parents[2]
  of_project = [
    Case('config path', path, (f'--config={project / path}', WORKDIR))
    for path in _PROJECT_FILES
  ]
  return [*strange, *of_project, *_special_files()]


def _special_files() -> list[Case]:
  """Files that cannot be read to their end, or are others than they seem."""
  kinds = {
    'a pipe': lambda path: os.mkfifo(path),
    'a directory': lambda path: path.mkdir(),
    'a link to nothing': lambda path: path.symlink_to('nowhere'),
    'a link to itself': lambda path: path.symlink_to(path.name),
    'a link to /dev/zero': lambda path: path.symlink_to('/dev/zero'),
    'a link to a directory': lambda path: path.symlink_to('configs'),
  }
  return [
    Case(
      'config path',
      f'{kind} as config, as {flag}',
      (*words, WORKDIR),
      lambda folder, make=make: make(folder / 'own.py'),
    )
    for kind, make in kinds.items()
    for flag, words in {
      'one word': ['--config=own.py'],
      'two words': ['-config', 'own.py'],
    }.items()
  ]
