#!/usr/bin/env bash
# pescador copies the random generator that a Streamer is given: each epoch, and each restart, draws the same numbers.
#
# Sworn: Streamer(shuffle, np.random.RandomState(0)) calls shuffle() anew for each epoch, with that generator, whose
#   state moves on, so each epoch has another order: the way to seed streamers by the maintainer in issue 131.
# Seen: cycle() and every iteration over a Streamer give the same order each time; the generator of the caller does not
#   move. A StochasticMux of ten files of 100 examples each, five files open, four draws of each on average, has read 40
#   of the 1,000 examples after 10,000 draws, for each restart of a file draws its first examples again. A StochasticMux
#   or ShuffledMux with a random_state repeats itself as well, and without one it does not. Nothing is said.
# Version: pescador 3.0.0 with numpy 2.4.6, decorator 5.3.1, msgpack 1.2.4 and pyzmq 27.3.0, 2026-11-30.
#   Source: pescador/core.py, Streamer.__enter__(): a deep copy of the streamer with its arguments for each iteration.
# Matters: augmentation, crops and orders seeded like this repeat in each epoch, and a training sees a small part of its
#   data; the loss falls the faster for it.
# Instead: a generator function that takes the generator from around it, not as an argument: functions are not copied.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'pescador==3.0.0' 'numpy==2.4.6' 'decorator==5.3.1' 'msgpack==1.2.4' 'pyzmq==27.3.0'
cd "$work"
venv/bin/python -W error - <<'PY'
import numpy as np
import pescador

FILES, EXAMPLES = 10, 100


def shuffled(random):
  """One epoch of eight examples."""
  yield from random.permutation(8).tolist()


def draw(random, file):
  """Examples of one file, at random and without an end."""
  while True:
    yield EXAMPLES * file + random.randint(EXAMPLES)


def around(function, *arguments):
  """The same, with the generator from around the function."""

  def call():
    yield from function(*arguments)

  return pescador.Streamer(call)


def epochs(streamer):
  """Three epochs by cycle(), and two by plain loops."""
  numbers = list(streamer.cycle(max_iter=24))
  return [numbers[:8], numbers[8:16], numbers[16:], list(streamer), list(streamer)]


def different(orders):
  return len({tuple(order) for order in orders})


def coverage(streamers):
  """How many of all examples a mux has read after 10,000 draws."""
  mux = pescador.StochasticMux(streamers, n_active=5, rate=4, random_state=0)
  return len(set(mux.iterate(max_iter=10_000)))


random = np.random.RandomState(0)
orders = epochs(pescador.Streamer(shuffled, random))
unmoved = np.array_equal(random.permutation(8), orders[0])
closed = epochs(around(shuffled, np.random.RandomState(0)))
generators = [np.random.RandomState(file) for file in range(FILES)]
few = coverage([pescador.Streamer(draw, generator, file) for file, generator in enumerate(generators)])
all_of_them = coverage([around(draw, generator, file) for file, generator in enumerate(generators)])
muxes = {}
for kind, options in ((pescador.StochasticMux, {'n_active': 5, 'rate': None}), (pescador.ShuffledMux, {})):
  for seed in (0, None):
    mux = kind([pescador.Streamer(range(file, 100, 10)) for file in range(FILES)], random_state=seed, **options)
    muxes[kind.__name__, seed] = different([list(mux.iterate(max_iter=20)) for _ in range(4)])
print('epochs with the generator as an argument:', *orders, sep='\n  ')
print(f'  {different(orders)} different of 5 epochs; the next permutation of the generator itself is',
      'the same' if unmoved else 'another')
print(f'with the generator from around: {different(closed)} different of 5 epochs')
print(f'10,000 draws from {FILES * EXAMPLES} examples: {few} were read; generators from around: {all_of_them}')
for (name, seed), number in muxes.items():
  print(f'{name} with random_state={seed}: {number} different of 4 epochs')
if different(closed) != 5 or all_of_them != FILES * EXAMPLES or any(muxes[key] != 4 for key in muxes if key[1] is None):
  raise SystemExit('changed: not even generators from around the function, or muxes without a seed, go on')
if different(orders) != 1 or not unmoved or few > 60:
  raise SystemExit('changed: the generator given as an argument goes on')
if any(muxes[key] != 1 for key in muxes if key[1] == 0):
  raise SystemExit('changed: muxes with a random_state do not repeat themselves')
print('as stated: each epoch and each restart draws the same random numbers')
PY
