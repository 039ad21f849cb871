#!/usr/bin/env bash
# tfrecord begins to read at a random record if it is given the file's index.
#
# Sworn: records come in the order of the file until one asks for shuffle_queue_size; an index is there to find them,
#   so a reader with an index gives what a reader without one gives.
# Seen: with an index and no shard the reader begins at a record drawn from NumPy's global generator and wraps around:
#   eight readings of ten records have five beginnings, and after np.random.seed(0) the first begins with record 5.
#   With shard=(0, 1), the whole file, they come in order. Nothing is said.
# Version: tfrecord 1.14.6 with numpy 2.4.6, protobuf 7.36.2 and crc32c 2.9.post0, 2026-11-30.
#   Source: tfrecord/reader.py, tfrecord_iterator(). The README recommends an index for each file, and
#   names shuffle_queue_size as what shuffles.
# Matters: predictions put beside a list of labels in the order of the file are those of other images, and a reader
#   moves the global generator.
# Instead: give shard=(0, 1) along with the index.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tfrecord==1.14.6' 'numpy==2.4.6' 'protobuf==7.36.2' 'crc32c==2.9.post0'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import numpy as np
from tfrecord.reader import tfrecord_loader
from tfrecord.tools.tfrecord2idx import create_index
from tfrecord.writer import TFRecordWriter

RECORDS = list(range(10))

writer = TFRecordWriter('data.tfrecord')
for record in RECORDS:
  writer.write({'number': (record, 'int')})
writer.close()
create_index('data.tfrecord', 'data.index')


def order(index, **options):
  """Reads the numbers of all records."""
  return [int(example['number'][0]) for example in tfrecord_loader('data.tfrecord', index, **options)]


without, whole = order(None), order('data.index', shard=(0, 1))
np.random.seed(0)
readings = [order('data.index') for _ in range(8)]
print('without an index:', without)
print('with an index and shard=(0, 1):', whole)
for reading in readings:
  print('with an index:', reading)
if without != RECORDS or whole != RECORDS or any(sorted(reading) != RECORDS for reading in readings):
  raise SystemExit('changed: not even a reader without an index gives the records in order, or some are missing')
if readings[0][0] != 5 or len({reading[0] for reading in readings}) != 5:
  raise SystemExit('changed: with an index the records come in order')
print('as stated: five beginnings in eight readings')
PY
