"""The house: rooms on six floors, and every import leads down."""

import ast

import pytest

from support import PROJECT

FLOORS = (
  {'run', 'configs'},
  {'batch_norm', 'data', 'report'},
  {'models', 'paper'},
  {'training'},
  {'evaluate', 'scripts'},
  {'analysis', 'export', 'curves', '__main__'},
)
# Documented before the move: networks outside this project import it.
FORMER = {'batch_norm_layer'}
# What starts a program is imported by nothing but its `__main__`.
COMMANDS = {f'bn_repro.{name}.command' for name in ('training', 'evaluate', 'analysis')}
# Each of these may change under us, and is known to one file.
KNOWN_TO = {
  'orbax': 'bn_repro/run/checkpoint.py',
  'tensorboardX': 'bn_repro/run/tensorboard.py',
  'grain': 'bn_repro/data/stream.py',
  'safetensors': 'bn_repro/run/published.py',
}
FILES = sorted(
  path for top in ('bn_repro', 'configs', 'scripts')
  for path in (PROJECT / top).rglob('*.py')
)  # fmt: skip


def floor_of(room):
  if room in FORMER:
    return len(FLOORS)  # imported by no room
  (level,) = (level for level, rooms in enumerate(FLOORS) if room in rooms)
  return level


def name_of(path):
  return '.'.join(path.relative_to(PROJECT).with_suffix('').parts)


def room_of(name):
  """'run' of 'bn_repro.run.lock'; '' of the package itself, which holds a version."""
  top, *rest = name.split('.')
  return (rest[0] if rest else '') if top == 'bn_repro' else top


def imported(path):
  """The dotted names of what a file imports, wherever in it."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom):
      yield from (
        from_here(f'{node.module}.{alias.name}', path) for alias in node.names
      )
    elif isinstance(node, ast.Import):
      yield from (from_here(alias.name, path) for alias in node.names)


def from_here(name, path):
  """A script's neighbours, and those of the script that it serves, have bare names."""
  scripts, top = PROJECT / 'scripts', name.split('.')[0]
  for folder in path.parents:
    if folder.is_relative_to(scripts) and (
      (folder / f'{top}.py').exists() or (folder / top).is_dir()
    ):
      return f'{name_of(folder)}.{name}'
  return name


def ours(names):
  for name in names:
    if name.split('.')[0] in ('bn_repro', 'configs', 'scripts'):
      yield name, room_of(name)


def test_there_are_twelve_entries_and_the_floors_name_each_room():
  entries = (
    {path.stem for path in (PROJECT / 'bn_repro').iterdir() if path.name[0] != '.'}
    - {'__pycache__', '__init__'}  # the latter holds a version
    - FORMER
  )
  assert len(entries) <= 12
  assert entries == set().union(*FLOORS) - {'configs', 'scripts'}


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_a_file_imports_from_its_own_room_and_from_floors_below(path):
  room = room_of(name_of(path))
  for name, other in ours(imported(path)):
    is_below = other == '' or floor_of(other) < floor_of(room)
    assert other == room or is_below, f'{name_of(path)} imports {name}'


def test_nothing_imports_a_command():
  for path in FILES:
    if path.name not in ('__main__.py', 'start_ours.py'):  # which times its start
      assert not COMMANDS & {name.rpartition('.')[0] for name in imported(path)}
      assert not COMMANDS & {*imported(path)}, path


def test_no_circle():
  """Among files, too: Python would take some of them, in one order only."""
  arrows = {name_of(path): {*imported(path)} for path in FILES}
  files = {name.removesuffix('.__init__'): name for name in arrows}
  after = {
    name: {files[n] for n in ends | {e.rpartition('.')[0] for e in ends} if n in files}
    for name, ends in arrows.items()
  }
  done = set()

  def visit(name, trail):
    assert name not in trail, [*trail, name]
    if name not in done:
      for other in after[name] - {name}:
        visit(other, [*trail, name])
      done.add(name)

  for name in after:
    visit(name, [])


def test_report_and_paper_import_no_jax_and_no_network():
  for path in FILES:
    if room_of(name_of(path)) in ('report', 'paper'):
      tops = {name.split('.')[0] for name in imported(path)}
      assert not tops & {'jax', 'flax', 'optax', 'orbax'}, path


@pytest.mark.parametrize('library', KNOWN_TO)
def test_a_library_that_may_change_is_known_to_one_file(library):
  knowing = {
    str(path.relative_to(PROJECT)) for path in FILES
    if any(name.split('.')[0] == library for name in imported(path))
    and path.is_relative_to(PROJECT / 'bn_repro')
  }  # fmt: skip
  assert knowing == {KNOWN_TO[library]}
