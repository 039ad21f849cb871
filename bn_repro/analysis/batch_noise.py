"""Section 3.4: what an example's batch-mates do to the network's answer to it.

In training the network "no longer produc[es] deterministic values for a given training
example", which the paper takes for the reason why it regularizes. Test images are each
put into mini-batches with other training images, drawn again and again; the weights
stay, nothing is dropped. How much of the noise is left with more of them?
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from bn_repro.analysis import subject
from bn_repro.data.feeds import open_feeds
from bn_repro.evaluate.network import Network
from bn_repro.evaluate.result import about
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs
from bn_repro.paper.section_3_4_noise import noise_table
from bn_repro.run import provenance
from bn_repro.training import examples

SIZES = (2, 4, 8, 16, 32, 60, 120, 500)
IMAGES, POOL, DRAWS = 100, 10_000, 20


def measure(network: Network, sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
  """The spread of answers over draws of batch-mates.

  Args:
    network: that of section 4.1, with batch normalization.
    sizes: of mini-batches, the example among them.

  Returns:
    A page of JSON. `rows` has for each size: the standard deviation over `DRAWS` of
    the inputs of the last sigmoids, in deviations over images, and of the probability
    of the right class, both as root mean squares over images; and the share of images
    that are not answered alike in all draws.

  Raises:
    UserError: it is another network, or its data are not there.
  """
  subject.check_is_mlp(network)
  subject.check_is_normalized(network)
  devices = jax.local_devices()[:1]
  feeds = open_feeds(network.config, devices)
  shown = examples.first(feeds.test, IMAGES, devices)
  pool = examples.first(feeds.train, POOL, devices).images
  answer = _answers(subject.without_noise(network))
  rows = [
    {'size': size, **_spread(_drawn(answer, shown.images, pool, size), shown.labels)}
    for size in sizes
  ]
  return {
    **about(network), 'images': len(shown.labels), 'draws': DRAWS, 'rows': rows,
    **provenance.origin(devices),
  }  # fmt: skip


def _answers(network: Network):
  """Compiled: (images, mates) -> probabilities, last sigmoid inputs of each image."""

  def of_one(image, mates):
    logits, sown = network.model.apply(
      network.variables, jnp.concatenate([image[None], mates]),
      train=True, mutable=['batch_stats', SIGMOID_INPUTS],
    )  # fmt: skip
    return nn.softmax(logits[0]), sigmoid_inputs(sown)[-1][0]

  return jax.jit(jax.vmap(of_one, in_axes=(0, None)))


def _drawn(answer, images, pool, size: int) -> tuple[np.ndarray, np.ndarray]:
  """`[draws, images, classes]` and `[draws, images, units]`, float64."""
  generator = np.random.default_rng(size)
  found = []
  for _ in range(DRAWS):
    mates = pool[generator.choice(len(pool), size - 1, replace=False)]
    found.append(jax.device_get(answer(images, mates)))
  return tuple(np.asarray(part, np.float64) for part in zip(*found))


def _spread(found: tuple[np.ndarray, np.ndarray], labels) -> dict[str, float]:
  probabilities, inputs = found
  right = probabilities[:, np.arange(len(labels)), np.asarray(labels)]
  deviation = inputs.mean(axis=0).std(axis=0)
  answers = probabilities.argmax(axis=-1)
  return {
    'deviation_of_inputs': _root_mean_square(inputs.std(axis=0, ddof=1) / deviation),
    'deviation_of_probability': _root_mean_square(right.std(axis=0, ddof=1)),
    'share_that_changes': float(np.mean(np.ptp(answers, axis=0) > 0)),
  }


def _root_mean_square(values: np.ndarray) -> float:
  return float(np.sqrt(np.mean(values * values)))


table = noise_table  # of the page, for the command line
