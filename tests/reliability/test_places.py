"""Every path that a user gives, in every program and variable, goes through one place.

It is taken for what it means, or refused in one line before anything is written.
"""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from absl import flags as absl_flags

from bn_repro.evaluate import command
from bn_repro.run import exits, places
from bn_repro.run.errors import UserError
from support import PROJECT, clean_environment

CONFIG = ['--config=configs/mnist.py', '--config.dataset.name=digits']
# What names no path of this machine: a few words of what must be said.
BAD = {
  'gs://bucket/runs/a': 'not on this machine (gs:)',
  's3://bucket/a': 'not on this machine (s3:)',
  'S3://bucket/a': 'not on this machine (S3:)',
  'hdfs://name:9000/a': 'not on this machine (hdfs:)',
  'https://host/a': 'not on this machine (https:)',
  'dbfs:/a': 'not on this machine (dbfs:)',
  'gs:/a': 'not on this machine (gs:)',
  'file://host/a': 'names another machine',
  '~nobody_of_this_name/a': 'no home directory',
  '$SCRATCH/a': 'no shell has expanded',
  '${SCRATCH}/a': 'no shell has expanded',
  'a/$(date)': 'no shell has expanded',
  ' ': 'is empty',
  'a ': 'white space',
  '\ta': 'white space',
  'a\0b': 'is no text',
  'a\udcff': 'is no text',
  'runs\\a': 'has a backslash',
  'my\\ runs/a': 'has a backslash',
}
# Where a directory is meant, or a file in one.
NO_DIRECTORY = {
  'file': 'file', 'file/below': 'file', 'x' * 300: '', 'file/': 'file',
}  # fmt: skip
# Program, its words but for the flag in question, the flags that are paths.
PROGRAMS = [
  ('bn_repro.training.command', CONFIG, ['workdir', 'config']),
  ('bn_repro.evaluate.command', ['--workdir=a'], ['workdir', 'output']),
  ('bn_repro.export', ['--workdir=a', '--output=b'], ['workdir', 'output']),
  ('bn_repro.analysis.command', ['identities', '--workdir=a', '--output=b'],
   ['workdir', 'output']),
  ('scripts/sweep.py', ['--sweep=configs/sweeps/quickstart.py', '--root=a'],
   ['sweep', 'root']),
  ('scripts/report.py', ['--results=a', '--root=.'], ['results', 'root']),
  ('scripts/reliability.py', ['--from=file'], ['from']),
  ('scripts/multi_crop_cost.py', ['--output=a'], ['output']),
  ('scripts/prepare_data.py',
   ['folder', '--name=a', '--images=.', '--data_dir=a', '--environment=b'],
   ['images', 'data_dir', 'environment', 'archives']),
  ('scripts/benchmarks/start.py', [], ['example', 'example_python']),
  ('scripts/benchmarks/decode.py', [], ['tensorflow_python', 'torchvision_python']),
]  # fmt: skip
FILES = ('config', 'sweep', 'from', 'output', 'example_python')
FILES += ('tensorflow_python', 'torchvision_python', 'environment')
FLAGS = [(program, flag) for program, _, flags in PROGRAMS for flag in flags]
WORDS = {program: words for program, words, _ in PROGRAMS}
# Flags whose values are texts, but no paths.
TEXTS = {
  'coordinator', 'dataset', 'only', 'name', 'names', 'compile_mode', 'revision',
}  # fmt: skip


@pytest.fixture
def empty(tmp_path, monkeypatch):
  """The current directory, with nothing in it but a file."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'file').write_text('kept')
  return tmp_path


@pytest.fixture
def run(empty, monkeypatch, capsys):
  """Runs a program in this process to its end; returns its code and its stderr."""

  def run(program: str, words: list[str]) -> tuple[int, str]:
    module = module_of(program, monkeypatch)
    monkeypatch.setattr(sys, 'argv', [program, *words])
    monkeypatch.setattr(exits.signal, 'signal', lambda *_: None)
    # Each watch would leave a thread and two open files.
    monkeypatch.setattr(exits.watch, 'start', lambda: None)
    with pytest.raises(SystemExit) as left:
      module.main()
    forget_flags()
    return left.value.code, capsys.readouterr().err

  return run


def forget_flags() -> None:
  """Those of absl, which one process defines once."""
  for name in [name for name in absl_flags.FLAGS if name.startswith('config.')]:
    delattr(absl_flags.FLAGS, name)
  absl_flags.FLAGS.unparse_flags()


def module_of(program: str, monkeypatch):
  """A program as a module, found as it finds its neighbours."""
  if not program.endswith('.py'):
    return importlib.import_module(program)
  path = PROJECT / program
  monkeypatch.syspath_prepend(path.parent)
  spec = importlib.util.spec_from_file_location(f'program_{path.stem}', path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def with_value(program: str, flag: str, value: str) -> list[str]:
  """A command line that is right but for one value."""
  others = [word for word in WORDS[program] if not word.startswith(f'--{flag}=')]
  return [*others, f'--{flag}={value}']


@pytest.mark.parametrize('program, flag', FLAGS)
def test_a_path_that_is_none_is_refused_in_one_line(
  program, flag, empty, run, record_property
):
  """By its name, with what to do, and nothing is written."""
  bad = BAD | ({} if flag in FILES else dict.fromkeys(['file', 'file/x'], 'file'))
  for value, reason in bad.items():
    code, said = run(program, with_value(program, flag, value))
    (line,) = said.splitlines()
    assert code == 2 and line.startswith('error: '), (value, said)
    assert reason in line and f'--{flag}' in line, (value, line)
    assert [path.name for path in empty.iterdir()] == ['file'], value
  assert (empty / 'file').read_text() == 'kept'
  record_property('faults', (f'--{flag}', len(bad), 0))


@pytest.mark.parametrize('variable', places.VARIABLES)
@pytest.mark.parametrize('program', [program for program, *_ in PROGRAMS[:6]])
def test_a_variable_that_is_no_path_is_refused_in_one_line(
  program, variable, empty, run, monkeypatch, record_property
):
  bad = {k: v for k, v in BAD.items() if '\0' not in k} | {'file': 'file'}
  words = [
    *WORDS[program],
    *(['--workdir=a'] if program == 'bn_repro.training.command' else []),
  ]
  for value, reason in bad.items():
    monkeypatch.setenv(variable, value)
    code, said = run(program, words)
    (line,) = said.splitlines()
    assert code == 2 and line.startswith(f'error: ${variable}='), (value, said)
    assert reason in line
    assert [path.name for path in empty.iterdir()] == ['file'], value
  record_property('faults', (f'${variable}', len(bad), 0))


@pytest.mark.parametrize('variable', ['TFDS_DATA_DIR', 'BN_REPRO_PREPARE_ENVIRONMENT'])
def test_variables_of_preparing(variable, empty, run, monkeypatch):
  monkeypatch.setenv(variable, 'gs://bucket/a')
  code, said = run('scripts/prepare_data.py', ['mnist'])
  assert code == 2 and said.startswith(f'error: ${variable}=')


@pytest.mark.parametrize(
  'flag', ['', ',', 'a,', ',a', 'a,,b', 'a,gs://b', 'a, b', 'a,a']
)
def test_each_of_several_workdirs_is_checked(flag, run):
  code, said = run('bn_repro.evaluate.command', [f'--workdir={flag}'])
  assert code == 2 and len(said.splitlines()) == 1 and '--workdir' in said


def test_what_texts_mean(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  meant = {
    '~/a': tmp_path / 'a', 'file:///a/b': places.Path('/a/b'),
    'file:/a': places.Path('/a'), 'file://localhost/a%20b': places.Path('/a b'),
    'a/': places.Path('a'), './gs:/a': places.Path('gs:/a'), 'a b': places.Path('a b'),
    'a$': places.Path('a$'), '5:30': places.Path('5:30'), '//a//b': places.Path('/a/b'),
    '~': tmp_path, '~//a': tmp_path / 'a', '/': places.Path('/'),
    'file:////a': places.Path('/a'),
  }  # fmt: skip
  assert {text: places.path(text, '--workdir') for text in meant} == meant


@pytest.mark.parametrize('home', ['', 'relative'])
def test_a_home_that_is_none(home, monkeypatch):
  """~/a is not taken for /a, nor for a directory below the current one."""
  monkeypatch.setenv('HOME', home)
  monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
  with pytest.raises(UserError, match='no home directory'):
    places.path('~/a', '--workdir')
  assert places.home() is None and places.cache() is None


def test_a_backslash_above_the_current_directory_counts(tmp_path, monkeypatch):
  (tmp_path / 'b\\c').mkdir()
  monkeypatch.chdir(tmp_path / 'b\\c')
  with pytest.raises(UserError, match='backslash'):
    places.path('run', '--workdir')


def test_a_current_directory_that_is_gone(tmp_path, monkeypatch):
  (tmp_path / 'gone').mkdir()
  monkeypatch.chdir(tmp_path / 'gone')
  (tmp_path / 'gone').rmdir()
  with pytest.raises(UserError, match='is gone'):
    places.path('run', '--workdir')
  assert places.path('/run', '--workdir') == places.Path('/run')


def test_a_comma_in_a_name(empty):
  """A run can be trained there, and so it can be evaluated."""
  (empty / 'a,b').mkdir()
  assert command.workdirs_of('a,b', '--workdir') == [places.Path('a,b')]
  assert len(command.workdirs_of('a,c', '--workdir')) == 2


@pytest.mark.parametrize(
  'text, reason',
  [
    ('', 'is empty'), ('.', 'is a directory'), ('folder', 'is a directory'),
    ('new/', 'is a directory'), ('none/new', 'there is no directory'),
    ('file/new', 'there is no directory'), ('/dev/null', 'is no regular file'),
  ],
)  # fmt: skip
def test_where_no_file_can_be_put(text, reason, empty):
  (empty / 'folder').mkdir()
  with pytest.raises(UserError, match=reason):
    places.output(text, '--output')
  assert places.output('folder/new', '--output') == places.Path('folder/new')


def test_relative_variables_are_those_of_where_the_command_was_given(
  empty, monkeypatch
):
  """For a sweep starts its runs in another directory."""
  monkeypatch.setenv('TFDS_DATA_DIR', 'data')
  monkeypatch.setenv('XDG_CACHE_HOME', '')
  found = places.environment()
  assert found['TFDS_DATA_DIR'] == str(empty / 'data')
  assert found['XDG_CACHE_HOME'] == ''


def test_the_program_itself_writes_nothing(empty, record_property):
  """As its user sees it, in processes of their own."""
  for value in ('gs://bucket/runs/a', '$SCRATCH/a', 'file'):
    result = subprocess.run(
      [sys.executable, '-m', 'bn_repro', *CONFIG, f'--workdir={value}'],
      env=clean_environment() | {'PYTHONPATH': str(PROJECT)},
      capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
    assert [path.name for path in empty.iterdir()] == ['file']
  record_property('faults', ('--workdir, in a process', 3, 0))


def sources() -> Iterator[tuple[str, ast.Module]]:
  """Every Python file of the package and the scripts."""
  for folder in ('bn_repro', 'scripts'):
    for path in sorted((PROJECT / folder).rglob('*.py')):
      yield str(path.relative_to(PROJECT)), ast.parse(path.read_text())


def calls(tree: ast.Module) -> Iterator[ast.Call]:
  return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_no_flag_of_a_path_is_forgotten():
  """Every flag that takes a text is a path in the table above, or said to be none."""
  known = {flag for _, flag in FLAGS} | TEXTS | {'workdir', 'config'}
  for name, tree in sources():
    for call in calls(tree):
      if ast.unparse(call.func).rpartition('.')[2] not in (
        'add_argument', 'add', 'DEFINE_string',
      ):  # fmt: skip
        continue
      first = ast.unparse(call.args[0]) if call.args else ''
      options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
      if not re.match(r"f?'(--)?\w+", first) or options.get('action'):
        continue
      flag = first.strip("f'").removeprefix('--')
      takes_text = not {'type', 'choices'} & options.keys()
      if 'add' in ast.unparse(call.func) and 'Path' in options.get('type', ''):
        pytest.fail(
          f'{name}: --{flag} is made a path outside of bn_repro/run/places.py'
        )
      if takes_text and first.startswith("'--"):
        assert flag in known, f'{name}: is --{flag} a path?'


def test_no_path_is_made_of_a_flag_or_a_variable_elsewhere():
  given = re.compile(r'\b(FLAGS|arguments|options|asked|environ|getenv|argv)\b')
  variables = [*places.VARIABLES, 'BN_REPRO_PREPARE_ENVIRONMENT']
  for name, tree in sources():
    if name == 'bn_repro/run/places.py':
      continue
    for call in calls(tree):
      text, function = ast.unparse(call), ast.unparse(call.func)
      if function.rpartition('.')[2] == 'Path' and 'argv[0]' not in text:
        assert not given.search(text), f'{name}: {text}'
      assert 'expanduser' not in function, f'{name}: {text}'
      if 'environ' in function or 'getenv' in function:
        assert not any(f"'{v}'" in text for v in variables), f'{name}: {text}'
