"""A program of somebody else, which sets JAX as it likes and then trains.

Reads a list of {setting: value} from stdin. With each of them it trains a small network
and prints what `parameters_of` gives, in one line.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp

from bn_repro.run import checkpoint
from bn_repro.training.loop import train
from support import small_config

SHORT = {
  'train_for': '3 steps', 'log_every': '3 steps', 'evaluate_every': '3 steps',
  'checkpoint_every': '3 steps', 'population_batches': 2,
}  # fmt: skip


def parameters_of(workdir: Path) -> dict[str, str]:
  """A digest of every array of the newest checkpoint."""
  digests = checkpoint.digests(checkpoint.read_newest(workdir))
  return {name: digest for name, digest in digests.items() if name != checkpoint.NOTES}


def main() -> None:
  defaults = dict(jax.config.values)
  for settings in json.load(sys.stdin):
    for name, value in settings.items():
      jax.config.update(name, value)
    with contextlib.suppress(Exception):
      jax.nn.softmax(jnp.ones(3))  # traced with those settings
    before = dict(jax.config.values)
    with tempfile.TemporaryDirectory() as workdir:
      train(small_config('batch_norm', **SHORT), Path(workdir))
      print(json.dumps(parameters_of(Path(workdir))), flush=True)
    assert jax.config.values == before, 'the settings of the host were not put back'
    for name in settings:
      jax.config.update(name, defaults[name])


if __name__ == '__main__':
  main()
