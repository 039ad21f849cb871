"""Platforms that are missing are told in one line, before anything is opened."""

import subprocess
import sys

import pytest

from bn_repro.run import devices
from bn_repro.run.errors import MachineError, UserError
from support import PROJECT, clean_environment

# A platform that no JAX knows and no machine has.
NONE = 'nosuch'
START = (
  'from bn_repro.run import devices, exits\n'
  'exits.exit_after(lambda: print(devices.start()))'
)
PLUGIN = 'def initialize():\n  raise RuntimeError("the driver is too old\\n")\n'
IN_A_WORKDIR = {
  'bn_repro': ('--config=configs/mnist.py', '--config.dataset.name=digits'),
  'bn_repro.evaluate': (),
  'bn_repro.export': ('--output={}/file',),
  'bn_repro.analysis': ('identities', '--output={}/file'),
}


def run(*words, **environment):
  """A program's end, with JAX's own choice of platforms unless told otherwise."""
  environment = clean_environment() | {'JAX_PLATFORMS': ''} | environment
  return subprocess.run(
    [sys.executable, *words], cwd=PROJECT, env=environment, capture_output=True,
    text=True, timeout=100,
  )  # fmt: skip


def one_line(result, code):
  """The only line of a refusal."""
  assert result.returncode == code, result.stderr
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: ')
  return line


@pytest.mark.slow
@pytest.mark.fault('a platform that is not there, in a program')
@pytest.mark.parametrize('program', IN_A_WORKDIR)
def test_every_program_asks_for_devices_before_it_opens_anything(tmp_path, program):
  """Nor does it write: the workdir, which need not be there, stays as it was."""
  words = [word.format(tmp_path) for word in IN_A_WORKDIR[program]]
  words.insert(program.endswith('analysis'), f'--workdir={tmp_path}/run')
  line = one_line(run('-m', program, *words, JAX_PLATFORMS=NONE), 2)
  assert f"JAX_PLATFORMS='{NONE}'" in line and 'set JAX_PLATFORMS=' in line
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('value', ['--xla_nope=1', '--xla_cpu_use_acl=maybe', 'nope'])
def test_flags_that_xla_does_not_take_are_one_line(value):
  """XLA itself would end the program with code 1, after a list of all its flags."""
  line = one_line(run('-c', START, XLA_FLAGS=value), 2)
  assert value.partition('=')[2] in line and 'set XLA_FLAGS otherwise' in line


@pytest.mark.slow
@pytest.mark.fault('a plugin that does not start, where JAX may choose')
def test_a_plugin_that_fails_is_one_warning(tmp_path):
  """The run goes on with what there is, and says so without a traceback."""
  (tmp_path / 'jax_plugins' / 'broken').mkdir(parents=True)
  (tmp_path / 'jax_plugins' / 'broken' / '__init__.py').write_text(PLUGIN)
  result = run('-c', START, PYTHONPATH=f'{tmp_path}:{PROJECT}')
  (line,) = result.stderr.splitlines()
  assert result.returncode == 0 and line.startswith('warning: JAX: ')
  assert 'the driver is too old' in line


@pytest.mark.slow
@pytest.mark.fault('a platform that is not there, in a sweep')
def test_a_sweep_is_refused_as_a_whole(tmp_path):
  """And not each of its runs after the other."""
  words = ('scripts/sweep.py', '--sweep=configs/sweeps/quickstart.py')
  line = one_line(run(*words, f'--root={tmp_path}/root', JAX_PLATFORMS=NONE), 2)
  assert f"JAX_PLATFORMS='{NONE}'" in line
  assert list(tmp_path.iterdir()) == []


REFUSED = {
  'cuda': 'JAX_PLATFORMS', 'tpu': 'JAX_PLATFORMS', 'cpu,cuda': 'JAX_PLATFORMS',
  'cuda,cpu': 'JAX_PLATFORMS', ' cpu': 'JAX_PLATFORMS', 'cpu,': 'JAX_PLATFORMS',
  'rocm': 'JAX_PLATFORMS', 'gpu': 'JAX_PLATFORM_NAME', 'x': 'JAX_NUM_CPU_DEVICES',
  '0': 'JAX_NUM_CPU_DEVICES', '-3': 'JAX_NUM_CPU_DEVICES', '': 'JAX_NUM_CPU_DEVICES',
  '1e3': 'JAX_NUM_CPU_DEVICES', 'quark': 'JAX_ENABLE_X64',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.reliability
@pytest.mark.fault('a variable of JAX')
@pytest.mark.parametrize('value', REFUSED)
def test_a_variable_that_names_what_is_not_there(value):
  """On a machine with these platforms there is nothing to refuse."""
  variable = REFUSED[value]
  result = run('-c', START, **{variable: value})
  if result.returncode == 0 and value.strip(', ') in ('cuda', 'tpu', 'rocm', 'gpu'):
    pytest.skip(f'this machine has {value}')
  line = one_line(result, 71 if result.returncode == 71 else 2)
  assert variable in line and 'set ' in line


@pytest.mark.parametrize('value', ['', 'cpu'])
def test_what_is_there_starts(monkeypatch, value):
  monkeypatch.setenv('JAX_PLATFORM_NAME', value)
  assert devices.start()


class FakeJax:
  """Starts one platform, and fails for others as JAX does."""

  def __init__(self, platforms, error):
    self.config, self._error = self, error
    self.jax_platforms = platforms

  def update(self, name, value):
    """As of `jax.config`; only one platform is left then."""
    if name == 'jax_platforms':
      self.jax_platforms, self._error = value, None

  def devices(self, name=None):
    """As of `jax`."""
    if self._error:
      raise self._error
    self.platform = 'gpu'
    return [self]


@pytest.mark.parametrize(
  'error, kind, words',
  [
    (AssertionError(), UserError, 'names a platform that is not there'),
    (RuntimeError("Unknown backend cuda. Available ..."), UserError, 'not there'),
    (RuntimeError("Unable to initialize backend 'cuda': INTERNAL: no device (set "
                  "JAX_PLATFORMS='' to automatically choose)"), MachineError,
     "does not start: Unable to initialize backend 'cuda': INTERNAL: no device; "),
  ],
)  # fmt: skip
def test_what_jax_raises_is_told_apart(monkeypatch, error, kind, words):
  """Code 2 for a name that no machine would take, 71 for what fails on this one."""
  monkeypatch.setattr(devices, '_imported', lambda: FakeJax('cuda', error))
  with pytest.raises(kind) as caught:
    devices.start()
  assert words in str(caught.value)
  assert 'this machine has gpu; set JAX_PLATFORMS=gpu' in str(caught.value)
