"""Every remedy that a message names is followed, in the same workdir, and helps."""

import pytest
from remedies.messages import with_remedy
from remedies.reasons import REASONS
from remedies.runs import Runs
from remedies.scenarios import SCENARIOS


def test_every_message_with_a_remedy_has_a_scenario_or_a_reason():
  """A new message, or another remedy, needs a line in one of the tables."""
  missing = [
    f'{message.place}: {message.text}'
    for message in with_remedy()
    if not any(words in message.text for words in (*SCENARIOS, *REASONS))
  ]
  assert not missing, '\n'.join(missing)


def test_no_scenario_or_reason_is_of_a_message_that_is_gone():
  texts = [message.text for message in with_remedy()]
  stale = [
    words for words in (*SCENARIOS, *REASONS) if not any(words in t for t in texts)
  ]
  assert not stale


@pytest.fixture
def runs(tmp_path, monkeypatch):
  return Runs(tmp_path, monkeypatch)


@pytest.mark.parametrize('scenario', dict.fromkeys(SCENARIOS.values()))
def test_what_a_message_advises_helps(runs, scenario, record_property):
  """In the workdir in which it was said, unless it names another."""
  scenario(runs)
  followed = list(SCENARIOS.values()).count(scenario)
  record_property('faults', ('a remedy followed', followed, 0))


def test_a_change_is_recorded_with_its_step(runs):
  """The summary shows it, too, as part of the run's identity."""
  from bn_repro.training import identity

  runs.prepare(bad=(3,))
  runs.begins(runs.streamed())
  runs.begins(runs.streamed(dataset__on_corrupt='skip'), step=2)
  change = {'step': 2, 'dataset.on_corrupt': ['stop', 'skip']}
  assert identity.read(runs.workdir)['changes'] == [change]


def test_a_start_that_comes_to_nothing_leaves_nothing(runs):
  """Neither the workdir nor those above it that were made, nor a lock in one."""
  wrong = runs.config(dataset__name='mnist')
  deep = runs.folder / 'a' / 'b'
  runs.refused(wrong, 'is not in', deep)
  assert not (runs.folder / 'a').exists()
  runs.workdir.mkdir()
  runs.refused(wrong, 'is not in')
  assert list(runs.workdir.iterdir()) == []
