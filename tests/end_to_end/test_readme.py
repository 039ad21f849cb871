"""What the README shows works as it stands; its form; the version stands once."""

import re
import shlex
import subprocess

import pytest

import bn_repro
from support import PROJECT

README = (PROJECT / 'README.md').read_text()
# Commands that other tests run, and why this one does not.
ELSEWHERE = {
  'bash scripts/quickstart.sh': 'test_quickstart.py',
  'bash scripts/test.sh': 'runs this test',
  'python scripts/sweep.py --sweep=configs/sweeps/quickstart.py --root=runs/quickstart':
    'test_quickstart.py',
}  # fmt: skip
# What is added so that a command ends soon. Whether its flags and files fit those of
# the other commands does not depend on the width of the network.
SHORT = ('--config.train_for=6 steps', '--config.population_batches=2')
ADDED = {
  '-m bn_repro --config': SHORT,
  '--config=configs/bn_x30.py': ('--config.model.width=0.0625',),
  'tensorboard': ('--inspect',),
}


def commands():
  for block in re.findall(r'^```\n(.*?)^```', README, re.MULTILINE | re.DOTALL):
    yield from block.replace('\\\n', ' ').strip().splitlines()


@pytest.fixture
def checkout(tmp_path):
  """Another place for runs/, with all else of the project."""
  for name in ('bn_repro', 'configs', 'scripts', 'results'):
    (tmp_path / name).symlink_to(PROJECT / name)
  return tmp_path


@pytest.mark.slow
def test_every_command_of_the_readme_runs(checkout, forks):
  """In their order: later ones need what earlier ones made."""
  for command in commands():
    words = shlex.split(command)
    if shlex.join(words) in ELSEWHERE:
      continue
    for part, flags in ADDED.items():
      words += flags if part in command else ()
    assert words[0] in ('python', 'tensorboard'), command
    python, environment = forks
    program = [python] if words[0] == 'python' else [python, '-m', 'tensorboard.main']
    # So long only if it hangs: beside other work a command may take ten minutes.
    ended = subprocess.run(
      [*program, *words[1:]], cwd=checkout, env=environment,
      capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert ended.returncode == 0, (command, ended.stderr)


def test_it_fits_on_few_screens_and_its_sentences_are_short():
  assert len(README.splitlines()) <= 180
  prose = re.sub(r'^```.*?^```|^\|.*?$|^#.*?$|^!.*?$|<!--.*?-->', '\n\n', README,
                 flags=re.MULTILINE | re.DOTALL)  # fmt: skip
  prose = re.sub(r'\]\([^)]*\)', ']', prose)
  for paragraph in re.split(r'\n\s*\n|\n- ', prose):
    for sentence in re.split(r'(?<=[.:;?!])\s+', paragraph):
      assert len(sentence.split()) <= 35, sentence


@pytest.mark.parametrize('name', ['CITATION.cff', 'CHANGELOG.md', 'README.md'])
def test_the_version_is_that_of_the_package(name):
  """`bn_repro.__version__` is the one place; the rest repeats it."""
  text = (PROJECT / name).read_text()
  stated = re.search(r'^(?:version: |## | *version = \{)([\d.]+)', text, re.MULTILINE)
  assert stated[1] == bn_repro.__version__
