"""An accuracy of shifted labels is refused; other data and circumstances are named."""

import copy

import jax
import pytest

from bn_repro.data import contents
from bn_repro.evaluate import trained_on
from bn_repro.evaluate.network import Network
from bn_repro.run import provenance
from bn_repro.run.errors import UserError
from bn_repro.training import identity
from data.prepared import NUM_CLASSES, examples, prepare, small_config

CATS = ['cat', 'dog', 'horse']


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
  """`mine`, `more` with the same classes, `shifted`, and `nameless` with 100."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  prepare(tmp_path, 'mine', examples(3), examples(2), classes=CATS)
  prepare(tmp_path, 'more', None, examples(3), classes=CATS)
  prepare(tmp_path, 'shifted', None, examples(3), classes=['bird', 'cat', 'dog'])
  prepare(tmp_path, 'named', None, examples(3), classes=list(map(str, range(100))))
  prepare(tmp_path, 'nameless', None, examples(3))
  return tmp_path


def trained(name='mine', has_record=True, is_normalized=True, workdir='runs/a'):
  """A network that was trained on what the data set holds now."""
  data = contents.of(name)
  config = small_config(name, **{'dataset.num_classes': data['num_classes']})
  start = {'steps': [0], **provenance.origin(jax.local_devices())}
  record = {'data': data, 'starts': [start]} if has_record else None
  batch_stats = {'bn': 1} if is_normalized else {}
  return Network(workdir, config, None, 7, 'digest', {}, batch_stats, record)


def test_nothing_is_said_where_nothing_differs(data_dir, capsys):
  for name in ('mine', 'more'):
    assert trained_on.differences([trained()], name, True) == [[]]
  assert capsys.readouterr().err == ''


def test_as_many_classes_of_other_names_are_refused(data_dir):
  with pytest.raises(UserError, match='trained on other classes') as caught:
    trained_on.differences([trained()], 'shifted')
  assert "class 0 is 'cat' in mine and 'bird' in shifted" in str(caught.value)


def test_so_they_are_for_a_run_of_earlier_code_whose_set_is_there(data_dir, capsys):
  network = trained(has_record=False)
  with pytest.raises(UserError, match='trained on other classes'):
    trained_on.differences([network], 'shifted')
  assert trained_on.differences([network], 'more') == [None]
  assert 'runs/a was trained is not known' in capsys.readouterr().err


def test_another_number_of_classes_is_refused(data_dir):
  with pytest.raises(UserError, match=f'named has {NUM_CLASSES} classes, but runs/a'):
    trained_on.differences([trained()], 'named')


@pytest.mark.parametrize(('of', 'on'), [('named', 'nameless'), ('nameless', 'named')])
def test_a_set_without_names_says_so(data_dir, capsys, of, on):
  (listed,) = trained_on.differences([trained(of)], on)
  said = 'the classes of nameless have no names, so whether they are those of named'
  assert listed == [f'{said} is not known']
  assert said in capsys.readouterr().err


def test_the_set_of_the_training_may_be_gone(data_dir):
  network = trained()
  (data_dir / 'mine').rename(data_dir / 'gone')
  assert trained_on.differences([network], 'more') == [[]]
  with pytest.raises(UserError, match="'mine' is not in"):
    trained_on.differences([network], 'more', reads_training_set=True)
  plain = network._replace(batch_stats={})
  assert trained_on.differences([plain], 'more', reads_training_set=True) == [[]]


def test_a_set_prepared_anew_is_named(data_dir, capsys):
  network = trained()
  (data_dir / 'mine').rename(data_dir / 'old')
  prepare(data_dir, 'mine', examples(3), examples(3), classes=CATS)
  (listed,) = trained_on.differences([network], 'mine')
  assert listed == [
    'mine was prepared anew: split validation has other contents (3 examples, 2 before)'
  ]
  (line,) = capsys.readouterr().err.splitlines()
  assert line.startswith('warning: not all is as when runs/a was trained: mine was')
  assert trained_on.differences([network], 'more', reads_training_set=True) == [listed]
  assert trained_on.differences([network], None, reads_training_set=True) == [listed]


def test_a_set_prepared_anew_with_other_classes_is_refused(data_dir):
  network = trained()
  (data_dir / 'mine').rename(data_dir / 'old')
  prepare(data_dir, 'mine', examples(3), examples(2), classes=['bird', 'cat', 'dog'])
  with pytest.raises(UserError, match=r"anew since runs/a.*class 0 was 'cat'"):
    trained_on.differences([network], 'mine')
  with pytest.raises(UserError, match='anew in between'):
    trained_on.differences([network, trained(workdir='runs/b')], 'more')


def test_members_of_other_contents_are_named(data_dir, capsys):
  first = trained()
  (data_dir / 'mine').rename(data_dir / 'old')
  prepare(data_dir, 'mine', examples(2), examples(2), classes=CATS)
  second = trained(workdir='runs/b')
  listed = trained_on.differences([first, second], 'more')
  assert listed == [[], ['runs/a was trained on other contents of mine']]


def test_other_versions_are_named(data_dir):
  network = trained()
  record = copy.deepcopy(network.record)
  record['starts'][-1]['versions']['jax'] = '0.1'
  (listed,) = trained_on.differences([network._replace(record=record)], 'mine')
  assert listed == [f'jax {jax.__version__} (0.1 before)']
  assert identity.differences(*[record['starts'][-1]] * 2) == []


def test_every_start_counts_that_took_steps_of_the_network(data_dir):
  """Not the last alone; nor one whose steps were lost."""
  network = trained()
  (now,) = network.record['starts']
  of_jax = lambda version: {**now['versions'], 'jax': version}
  other = lambda first, jax: {**now, 'steps': [first], 'versions': of_jax(jax)}
  network.record['starts'] = [
    other(0, '0.1'), other(5, '0.2'), other(3, '0.3'), {**now, 'steps': [4]},
    other(7, '0.4'),
  ]  # fmt: skip
  (listed,) = trained_on.differences([network], 'mine')
  assert listed == [f'jax {jax.__version__} ({v} before)' for v in ('0.1', '0.3')]


def test_a_start_that_was_resumed_from_an_earlier_step_counts_with_both(data_dir):
  """Steps 3 to 4 were taken by 0.1, though it had first begun at 5."""
  network = trained()
  (now,) = network.record['starts']
  other = {**now, 'steps': [5, 3], 'versions': {**now['versions'], 'jax': '0.1'}}
  network.record['starts'] = [{**now, 'steps': [0]}, other, {**now, 'steps': [4]}]
  (listed,) = trained_on.differences([network], 'mine')
  assert listed == [f'jax {jax.__version__} (0.1 before)']


def test_steps_before_the_record_are_said_to_be_unknown(data_dir):
  network = trained()
  network.record['starts'][0]['steps'] = [40, 60]
  listed = ['what decided its first 40 steps is not known']
  assert trained_on.differences([network], 'mine') == [listed]
