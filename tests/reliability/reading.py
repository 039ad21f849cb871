"""Reads mini-batches for ever, by processes, and ends as the programs do.

usage: TFDS_DATA_DIR=DIR reading.py NAME WORKERS

Prints the numbers of the decoding processes once they run.
"""

import multiprocessing
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / 'tests')]


def read() -> None:
  """Reads until it fails or is ended."""
  import jax

  from bn_repro.data import feeds
  from data.prepared import small_config

  name, number = sys.argv[1:]
  config = small_config(name, **{'dataset.workers': int(number)})
  feed = feeds.open_feeds(config, jax.devices()[:1]).train
  for step in range(1_000_000):
    feed.inputs(range(step, step + 1))
    if step == int(number):
      children = multiprocessing.active_children()
      print(*(process.pid for process in children), flush=True)
    time.sleep(0.02)


if __name__ == '__main__':
  from bn_repro.run import exits

  exits.exit_after(read)
