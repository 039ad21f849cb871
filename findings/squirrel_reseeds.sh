#!/usr/bin/env bash
# squirrel's shuffle() seeds the generator that it is given anew, by the clock.
#
# Sworn: shuffle(rng=random.Random(0)) draws from that generator, so the order is the same in each run and in each
#   process; shuffle(rng=random), the module, which the docstring names too, draws from the state set by random.seed().
# Seen: three shuffles with random.Random(0) give three orders. Two ranks that share out the shuffled stream, every
#   other record each, miss a quarter of the records and read as many twice. After rng=random the program's own random
#   numbers, seeded with 0 before, are others in each run. With seed=0 the order is the same, and rng does not matter.
#   Nothing is said.
# Version: squirrel-core 0.20.2 with numpy 2.4.6, fsspec 2026.9.0 and tqdm 4.70.1, 2026-11-30.
#   Source: squirrel/iterstream/iterators.py, get_random_range(): without a seed it calls rng.seed() with the number of
#   the process and the time. shuffle() says nothing of it: "rng: Either `random` module or a random.Random instance".
# Matters: a training that seems seeded is not; a generator given to be the same in all ranks is what makes them read
#   other shares; and what else draws from the global generator (augmentation, splits) is not repeatable either.
# Instead: seed=, another one for each epoch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-deps 'squirrel-core==0.20.2' 'numpy==2.4.6' 'fsspec==2026.9.0' 'tqdm==4.70.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import random

from squirrel.iterstream import IterableSource

RECORDS = range(1000)


def shuffled(**options):
  return IterableSource(RECORDS).shuffle(len(RECORDS), initial=len(RECORDS), **options).collect()


def by_module():
  """Seeds the global generator, shuffles with it, and draws the next number of the program."""
  random.seed(0)
  order = shuffled(rng=random)
  return order[:3], random.random()


seeded = [shuffled(seed=0) for _ in range(2)] + [shuffled(rng=random.Random(1), seed=0)]
given = [shuffled(rng=random.Random(0)) for _ in range(3)]
module = [by_module() for _ in range(3)]
shares = [shuffled(rng=random.Random(0))[rank::2] for rank in range(2)]
missed = len(set(RECORDS) - set(shares[0]) - set(shares[1]))
twice = len(set(shares[0]) & set(shares[1]))
print('seed=0, begins with:', [order[:3] for order in seeded])
print('rng=random.Random(0), begins with:', [order[:3] for order in given])
print('random.seed(0), then rng=random, begins with:', [start for start, _ in module])
print('  and the next random.random():', [round(number, 3) for _, number in module])
print(f'two ranks with rng=random.Random(0): {missed} of {len(RECORDS)} records read by none, {twice} by both')
if seeded[0] != seeded[1] or seeded[0] != seeded[2] or any(sorted(order) != list(RECORDS) for order in seeded + given):
  raise SystemExit('changed: not even seed=0 gives the same order, or records are lost')
if len({tuple(order) for order in given}) != 3 or len({number for _, number in module}) != 3:
  raise SystemExit('changed: the generator that is given decides on the order')
if not (150 < missed < 350 and missed == twice):
  raise SystemExit('changed: two ranks share out the records')
print('as stated: the generator is seeded anew by the clock')
PY
