"""Time and memory of one layer, forward and backward, on the maps of figure 5."""

import contextlib
import ctypes
import gc
import statistics
import time

import numpy as np

# Height (and width) and depth of rows of figure 5. The smallest map comes first: what a
# library keeps of it is little of what the next one takes.
SHAPES = ((7, 1024), (14, 576), (28, 256), (28, 320), (56, 192), (112, 64))
BATCH, SECONDS, CALLS = 32, 1.0, 3


def measure(layer_of, size, depth, batch=BATCH, seconds=SECONDS):
  """Seconds of a forward and a backward call, medians, and the peak of memory in MB.

  The peak is that of the process beyond what it held before the layer was made.
  """
  x = np.random.default_rng(0).standard_normal(
    (int(batch), int(size), int(size), int(depth)), np.float32
  )
  calls_of(layer_of, x[:2, :2, :2])  # what a library starts with is not the layer's
  before = start_of_peak()
  forward, backward = calls_of(layer_of, x)
  times = {'forward': [], 'backward': []}
  began = time.perf_counter()
  while time.perf_counter() - began < float(seconds) or len(times['forward']) < CALLS:
    for name, call in (('forward', forward), ('backward', backward)):
      start = time.perf_counter()
      call()
      times[name].append(time.perf_counter() - start)
  medians = {name: statistics.median(values) for name, values in times.items()}
  return dict(medians, calls=len(times['forward']), megabytes=peak() - before)


def calls_of(layer_of, x):
  """The forward and the backward call of a layer, each called once."""
  calls = layer_of(x.shape, mode=layer_of.MODES[-1]).timed(x, x)
  for call in calls:
    call()
  return calls


def start_of_peak():
  """Megabytes that are held now, once what is free is given back; the peak is them."""
  gc.collect()
  with contextlib.suppress(AttributeError, OSError):  # not glibc
    ctypes.CDLL(None).malloc_trim(0)
  with open('/proc/self/clear_refs', 'w') as file:
    file.write('5')
  return peak()


def peak():
  """The most megabytes that the process held since `start_of_peak` (Linux)."""
  with open('/proc/self/status') as file:
    (line,) = (line for line in file if line.startswith('VmHWM'))
  return int(line.split()[1]) / 1024
