"""Time and memory of one layer, forward and backward, on the maps of figure 5."""

import resource
import statistics
import time

import numpy as np

# Height (and width) and depth of rows of figure 5, from the first to the last module.
SHAPES = ((112, 64), (56, 192), (28, 256), (28, 320), (14, 576), (7, 1024))
BATCH, SECONDS, CALLS = 32, 1.0, 3


def measure(layer_of, size, depth, batch=BATCH, seconds=SECONDS):
  """Seconds of a forward and a backward call, medians, and the peak of memory in MB.

  The peak is that of the process beyond what it held before the layer was made.
  """
  size, depth, batch = int(size), int(depth), int(batch)
  shape = (batch, size, size, depth)
  x = np.random.default_rng(0).standard_normal(shape, np.float32)
  before = peak()
  layer = layer_of(shape, mode=layer_of.MODES[-1])
  forward, backward = layer.timed(x, x)
  for call in (forward, backward):
    call()
  times = {'forward': [], 'backward': []}
  began = time.perf_counter()
  while time.perf_counter() - began < float(seconds) or len(times['forward']) < CALLS:
    for name, call in (('forward', forward), ('backward', backward)):
      start = time.perf_counter()
      call()
      times[name].append(time.perf_counter() - start)
  medians = {name: statistics.median(values) for name, values in times.items()}
  return dict(medians, calls=len(times['forward']), megabytes=peak() - before)


def peak():
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
