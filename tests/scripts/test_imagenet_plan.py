"""results/imagenet_plan.md follows from the measurements and the configs."""

import json
import re
import sys

import pytest

from support import script

plan = script('imagenet_plan')


def test_the_page_is_made_from_the_files():
  assert plan.PLAN.read_text() == plan.plan()


def test_steps_and_epochs_are_those_of_the_paper():
  """Figure 3's table: epochs of 1,281,167 images at 32 a step."""
  assert plan.steps_of('inception') == 31_000_000
  assert plan.steps_of('bn_x30') == 6_000_000
  rows = plan.plan().splitlines()
  (row,) = (row for row in rows if row.startswith('| `bn_x30`') and 'CNTK' in row)
  assert '192 million' in row and re.search(r'\b150\b', row)


def test_every_measurement_says_where_it_is_from():
  for found in json.loads(plan.THROUGHPUT.read_text()):
    assert found['min'] <= found['images_per_second'] <= found['max']
    assert found['device'] and found['git_revision'] and found['versions']['jax']


@pytest.mark.parametrize('wrong', ['--steps=0', '--batch_size=0', '--batch_size=-8'])
def test_what_cannot_be_measured_is_refused(wrong, monkeypatch, capsys):
  monkeypatch.setattr(sys, 'argv', ['imagenet_plan.py', '--measure', wrong])
  with pytest.raises(SystemExit) as ended:
    plan.main()
  assert ended.value.code == 2 and '1 or more' in capsys.readouterr().err
