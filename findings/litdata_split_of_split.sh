#!/usr/bin/env bash
# Splitting a split of litdata gives examples of the test set to the validation set and loses others.
#
# Sworn: train_test_split() gives "non-overlapping subsets" of the dataset that it is given, or raises an exception if
#   that "is already a subsample (not currently supported)", as its docstring says.
# Seen: no exception, and subsets of other examples. Of 1,000 examples in chunks of 100, 25 % are set aside for testing
#   and 40 % of the rest for validation: with each of 8 seeds 50 of the 250 test examples are in the validation set or
#   in the training set, too, and 50 others are in none. Halves of a subsample hold examples that it does not.
#   Without shuffling, or with three splits in one call, all is right.
# Version: litdata 0.2.76 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: litdata/utilities/train_test_split.py, train_test_split(): it takes the chunks of a split in the order of
#   the index file, but their ranges in the shuffled order of the split, so that ranges meet other chunks.
# Matters: first the test set, then the validation set is a usual way to split. Validation, by which one chooses, then
#   sees a part of the test set; from the training set examples vanish.
# Instead: make all splits in one call, as in splits=[0.5, 0.2, 0.3].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'boto3==1.44.8' 'botocore==1.44.8' 'requests==2.34.2' \
  'filelock==4.0.8' 'lightning-utilities==0.15.3'
# Its other requirements are for pictures and for downloads.
"$work/venv/bin/pip" install -q --no-deps 'litdata==0.2.76'
cd "$work"
export HOME="$work"
venv/bin/python -W ignore - <<'PY'
import os

from litdata import StreamingDataset, train_test_split
from litdata.streaming.cache import Cache

cache = Cache(os.path.abspath('data'), chunk_size=100)
for index in range(1000):
  cache[index] = index
cache.done()
cache.merge()
dataset = StreamingDataset(os.path.abspath('data'))


def contents(split):
  """Returns the examples of a split as a set, and makes sure that none is there twice."""
  examples = [split[index] for index in range(len(split))]
  if len(set(examples)) != len(examples):
    raise SystemExit('changed: a split has an example twice')
  return set(examples)


def split_twice(seed, shuffle):
  """Sets 25 % aside for testing, then 40 % of the rest for validation."""
  rest, test = train_test_split(dataset, [0.75, 0.25], seed=seed, shuffle=shuffle)
  train, validation = train_test_split(rest, [0.6, 0.4], seed=seed, shuffle=shuffle)
  rest, test, train, validation = map(contents, (rest, test, train, validation))
  if rest & test or train & validation:
    raise SystemExit('changed: a single call gives splits that overlap')
  return len(test), len(validation), len(train), len(test & validation), len(test & train), \
    len(rest - train - validation)


rows = []
for seed in range(8):
  rows.append(split_twice(seed, True))
  print('seed {}: test {}, validation {}, training {}; of the test set {} in validation and {} in training; {} in none'
        .format(seed, *rows[-1]))
plain = split_twice(0, False)
print('without shuffling: of the test set {} in validation and {} in training; {} in none'.format(*plain[3:]))

part = StreamingDataset(os.path.abspath('data'), subsample=0.55, shuffle=True, seed=3)
inside = contents(part)
halves = train_test_split(part, [0.5, 0.5])
outside = sum(len(contents(half) - inside) for half in halves)
print(f'a subsample of {len(part)} examples, halved: {outside} examples in the halves that are not in it')

whole = train_test_split(dataset, [0.45, 0.3, 0.25], seed=0)
sets = [contents(split) for split in whole]
if sum(map(len, sets)) != 1000 or len(set.union(*sets)) != 1000 or any(plain[3:]):
  raise SystemExit('changed: three splits of one call, or splits without shuffling, are not right')
if not any(row[3] or row[4] for row in rows) or not outside:
  raise SystemExit('changed: splits of splits keep apart')
print('as stated: a split of a split takes examples from outside')
PY
