"""What is installed: the versions that are admitted, and those behind the results."""

import importlib
import inspect
import json
import re
import tomllib

import pytest
import tensorflow_datasets as tfds
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support import PROJECT

RESULTS = PROJECT / 'results'


def requirements_of(path):
  """The requirements that a file lists, by name."""
  lines = (line.partition('#')[0].strip() for line in path.read_text().splitlines())
  listed = map(Requirement, filter(None, lines))
  return {canonicalize_name(one.name): one for one in listed}


@pytest.fixture(scope='module')
def pinned():
  """The version of each package behind the results."""
  listed = requirements_of(RESULTS / 'constraints.txt').values()
  exact = {canonicalize_name(one.name): str(one.specifier) for one in listed}
  assert all(specifier.startswith('==') for specifier in exact.values())
  return {name: specifier.removeprefix('==') for name, specifier in exact.items()}


def versions_in(value):
  """Every record of versions in a page of JSON."""
  if isinstance(value, dict):
    if isinstance(value.get('versions'), dict):
      yield value['versions']
    value = list(value.values())
  if isinstance(value, list):
    for one in value:
      yield from versions_in(one)


def test_the_constraints_are_what_made_the_results(pinned):
  """`pip install -c results/constraints.txt` makes that environment again.

  But for a benchmark whose name says that it was of another JAX.
  """
  paths = [path for path in RESULTS.rglob('*.json') if '_jax_' not in path.name]
  pages = [json.loads(path.read_text()) for path in paths]
  recorded = [one for page in pages for one in versions_in(page)]
  assert len(recorded) > 500
  for versions in recorded:
    for name, version in versions.items():
      if name != 'python':
        assert pinned[canonicalize_name(name)] == version.partition('+')[0], name


def test_the_constraints_hold_all_that_is_installed_and_are_admitted(pinned):
  """Of requirements.txt and of the tests."""
  project = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['project']
  of_tests = map(Requirement, project['optional-dependencies']['test'])
  required = requirements_of(PROJECT / 'requirements.txt').values()
  for requirement in (*required, *of_tests):
    version = pinned[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), requirement


def test_every_requirement_has_an_oldest_version():
  """With which the tests pass, so that pip does not keep one that is too old."""
  for name, requirement in requirements_of(PROJECT / 'requirements.txt').items():
    assert any(one.operator == '>=' for one in requirement.specifier), name


@pytest.mark.parametrize(
  'name',
  ['mnist', 'fashion_mnist', 'kmnist', 'emnist', 'cifar10', 'cifar100', 'svhn_cropped',
   'imagenette', 'imagenet2012'],
)  # fmt: skip
def test_what_a_named_data_set_is_built_with_is_installed(name):
  """TFDS imports some packages only where a builder needs them: SVHN's, SciPy."""
  extras = tomllib.loads((PROJECT / 'pyproject.toml').read_text())['project']
  listed = map(Requirement, extras['optional-dependencies']['prepare'])
  builder = importlib.import_module(tfds.builder_cls(name).__module__)
  needed = re.findall(r'lazy_imports\.(\w+)', inspect.getsource(builder))
  assert {*needed} <= {canonicalize_name(one.name) for one in listed}
