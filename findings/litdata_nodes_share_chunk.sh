#!/usr/bin/env bash
# With several nodes litdata reads the chunk between two nodes twice from epoch 2 on, and ranks differ in length.
#
# Sworn: every epoch deals the examples out to the ranks, each to one of them, and with drop_last=True ("keep every
#   rank/worker at the same length", "the same quantity of varied batches") all ranks have as many.
# Seen: true of the first epoch. Later each node keeps the chunks of the first epoch; one that was split between two
#   nodes is in the lists of both, and each reads all of it. Of 900 examples in chunks of 100 on 2 nodes of 2 ranks 100
#   are read twice in each epoch from the second on (250 for each rank, not 225). Of 950 examples on 2 nodes of one
#   rank one rank has 550, the other 500, after 475 each in the first epoch. Nothing is said. NNODES=1 is right.
# Version: litdata 0.2.76 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: litdata/streaming/shuffle.py, FullShuffle.get_chunks_and_intervals_per_workers() (the shuffle of object
#   stores and local disks), and litdata/utilities/shuffle.py, _associate_within_nodes(): it takes the whole interval
#   of each chunk.
# Matters: examples at the nodes' borders weigh double, always the same ones. Ranks with unequal numbers of batches wait
#   for each other forever in the second epoch. On one node, where one tries things out, all is well.
# Instead: set the environment variable NNODES to 1 for every rank: then each epoch deals out all chunks anew.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'boto3==1.44.8' 'botocore==1.44.8' 'requests==2.34.2' \
  'filelock==4.0.8' 'lightning-utilities==0.15.3'
# Its other requirements are for pictures and for downloads.
"$work/venv/bin/pip" install -q --no-deps 'litdata==0.2.76'
cd "$work"
export LITDATA_POSIX_FAST=0 HOME="$work"  # the same shuffle on every kind of disk
venv/bin/python -W ignore - <<'PY'
import os
from collections import Counter

from litdata import StreamingDataset
from litdata.streaming.cache import Cache


def write(folder, number):
  """Stores the numbers below a number in chunks of 100."""
  cache = Cache(folder, chunk_size=100)
  for index in range(number):
    cache[index] = index
  cache.done()
  cache.merge()


def epochs(folder, nodes, ranks):
  """Lists for three epochs how many examples each rank reads, how many differ, and how many are read twice."""
  rows = []
  for epoch in (1, 2, 3):
    lengths, readings = [], Counter()
    for rank in range(ranks):
      os.environ.update(WORLD_SIZE=str(ranks), GLOBAL_RANK=str(rank), NNODES=str(nodes))
      dataset = StreamingDataset(folder, shuffle=True, drop_last=True, seed=1)
      dataset.set_epoch(epoch)
      examples = list(dataset)
      lengths.append(len(examples))
      readings.update(examples)
    twice = sorted(example for example, times in readings.items() if times > 1)
    print(f'  epoch {epoch}: examples for each rank {lengths}, {len(readings)} different ones, {len(twice)} read twice',
          f'({twice[0]} to {twice[-1]})' if twice else '')
    rows.append((lengths, len(readings), len(twice)))
  return rows


write(os.path.abspath('even'), 900)
write(os.path.abspath('uneven'), 950)
print('900 examples in chunks of 100, 4 ranks on 2 nodes:')
even = epochs(os.path.abspath('even'), 2, 4)
print('the same, with NNODES=1:')
as_one = epochs(os.path.abspath('even'), 1, 4)
print('950 examples, 2 ranks on 2 nodes:')
uneven = epochs(os.path.abspath('uneven'), 2, 2)
if even[0] != ([225] * 4, 900, 0) or as_one != [even[0]] * 3 or uneven[0] != ([475] * 2, 950, 0):
  raise SystemExit('changed: the first epoch or a single node is not dealt out evenly')
if even[1][2] == 0 or even[2][2] == 0:
  raise SystemExit('changed: no example is read twice')
if len(set(uneven[1][0])) == 1:
  raise SystemExit('changed: the ranks have equally many examples')
print('as stated: later epochs read the chunk between two nodes twice, and the ranks have unequal lengths')
PY
