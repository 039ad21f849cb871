"""scripts/reliability.py counts what the tests noted, and hides no failure."""

import json
import re

import pytest

from support import PROJECT, script

# By a name of its own: `reliability` is a folder of tests.
report = script('reliability')

CASE = (
  '<testcase classname="tests.reliability.{module}" name="test">'
  '<properties>{properties}</properties>{outcome}</testcase>'
)
PROPERTY = '<property name="faults" value="{}"/>'


@pytest.fixture
def read(tmp_path):
  """The faults in a report of cases: (module, faults, outcome)."""

  def read(*cases):
    text = ''.join(
      CASE.format(
        module=module,
        properties=''.join(PROPERTY.format(fault) for fault in faults),
        outcome=outcome,
      )
      for module, faults, outcome in cases
    )
    path = tmp_path / 'report.xml'
    path.write_text(f'<testsuites><testsuite>{text}</testsuite></testsuites>')
    return {fault.kind: fault[2:] for fault in report.read([path])}

  return read


def test_faults_of_a_kind_are_added_up(read):
  once = ('test_lock', [('a lock', 1, 0)], '')
  many = ('test_killing', [('in a step', 5, 0), ('in a save', 7, 0)], '')
  found = read(once, many, once)
  assert found == {'a lock': (2, 0, 0), 'in a step': (5, 0, 0), 'in a save': (7, 0, 0)}


@pytest.mark.parametrize('outcome', ['<failure/>', '<error/>'])
def test_a_failure_is_harm_even_if_the_test_counted_none(read, outcome):
  assert read(('test_lock', [('a lock', 1, 0)], outcome)) == {'a lock': (1, 1, 0)}


def test_a_failure_that_the_test_counted_is_counted_once(read):
  faults = [('words', 9, 0), ('paths', 8, 2)]
  found = read(('test_hostile_commands', faults, '<failure/>'))
  assert found == {'words': (9, 0, 0), 'paths': (8, 2, 0)}


def test_a_test_that_failed_before_it_noted_anything_is_harm(read):
  assert read(('test_signals', [], '<failure/>')) == {'test': (1, 1, 0)}
  assert read(('test_signals', [], '')) == {}


def test_what_was_skipped_has_not_come_through(read):
  found = read(('test_resources', [('a full disk', 1, 0)], '<skipped/>'))
  assert found == {'a full disk': (0, 0, 1)}


def test_a_part_that_was_not_run_stays_with_its_own_origin():
  lock, signals = (
    report.Fault(part, 'kind', number, 0, 0)
    for part, number in (('Two runs in one workdir', 3), ('Stopped', 5))
  )
  first = report.merged({}, [lock, signals], {'git_revision': 'old'})
  second = report.merged(first, [signals._replace(injected=7)], {'git_revision': 'new'})
  assert {row['part']: row['injected'] for row in second['faults']} == {
    lock.part: 3, signals.part: 7
  }  # fmt: skip
  assert second['origins'][lock.part]['git_revision'] == 'old'
  assert second['origins'][signals.part]['git_revision'] == 'new'


def test_every_file_that_injects_faults_belongs_to_a_part():
  paths = [*(PROJECT / 'tests').glob('test_*.py')]
  paths += (PROJECT / 'tests' / 'reliability').glob('test_*.py')
  mark = re.compile(r"mark\.fault\(|record_property\('faults'")
  injecting = {path.stem for path in paths if mark.search(path.read_text())}
  assert injecting - {'test_reliability_report'} <= report.PART_OF.keys()


def test_every_file_that_is_run_belongs_to_a_part():
  places = [PROJECT / place for place in report.TESTS]
  files = {path.stem for place in places for path in [place, *place.glob('test_*.py')]}
  assert {name for name in files if name.startswith('test_')} <= report.PART_OF.keys()


def test_the_committed_page_is_that_of_the_committed_numbers():
  content = json.loads((report.RESULTS / 'reliability.json').read_text())
  assert (report.RESULTS / 'reliability.md').read_text() == report.page(content)
