"""What a call of `conformance.run` refuses, and what it measures once more."""

import json
from unittest import mock

import pytest

from bn_repro.run.errors import UserError
from conformance import environments, run


def measured(results, *words, ours=1.0):
  """The page of speeds after a call, in which ours takes so many seconds."""
  answer = {'7x7x1024': {'forward': ours, 'backward': ours, 'megabytes': 1.0}}
  with pytest.MonkeyPatch.context() as patch:
    words = ('ours', '--speed', f'--results={results}', *words)
    patch.setattr('sys.argv', ['run.py', *words])
    patch.setattr(run, 'speeds_of', lambda *_: answer)
    patch.setattr(run.exits, 'exit_after', lambda action: action())
    run.main()
  return json.loads((results / 'speed_1.json').read_text())


@pytest.mark.parametrize(
  'word',
  ['--threads=0', '--threads=9999', '--batch=0', '--rounds=0', '--seconds=0',
   '--seconds=nan', '--seconds=inf'],
)  # fmt: skip
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, word):
  name = word[2:].partition('=')[0]
  with pytest.raises(UserError, match=f'^--{name}='):
    measured(tmp_path / 'results', word)
  assert not (tmp_path / 'results').exists()
