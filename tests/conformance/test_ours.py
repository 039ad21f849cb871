"""Ours, measured like the others: what is committed is what it does today."""

import functools
import json

import pytest

from bn_repro.paper import conformance_columns
from conformance import child
from conformance.adapters import ours
from conformance.probes import plain
from support import PROJECT

COMMITTED = PROJECT / 'results' / 'conformance' / 'ours.json'
# Devices and the trained network take longer than the suite has; other tests hold them.
QUICK = [name for name in child.PROBES if name not in ('network', 'devices', 'carry')]
# Its 1,000 steps take half a minute if each operation is called by itself.
LAYERS = {'moving_average': functools.partial(ours.Layer, mode='compiled')}
COLUMNS = [c for group in conformance_columns.groups().values() for c in group]


@pytest.mark.slow
@pytest.mark.skipif(not COMMITTED.exists(), reason='conformance.run was not run')
@pytest.mark.parametrize('name', QUICK)
def test_what_departs_is_what_is_committed(name):
  committed = json.loads(COMMITTED.read_text())['probes']
  if name not in committed:
    pytest.skip(f'conformance.run has not run {name} of ours')
  now = {name: plain(child.probe(name, LAYERS.get(name, ours.Layer)))}
  for column in COLUMNS:
    if column.probe == name:
      cell, said = (conformance_columns.cell_of(column, p) for p in (now, committed))
      assert cell.departs == said.departs, (column.title, cell, said)
