"""Section 3.4: how the other examples of a mini-batch change the prediction for one.

In training the network "no longer produc[es] deterministic values for a given training
example", which is, to the paper, why BN regularizes. Each test image is put into
mini-batches with random training images; the weights stay, and there is no dropout.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bn_repro.analysis import subject
from bn_repro.analysis.subject import root_mean_square
from bn_repro.evaluate.network import Network
from bn_repro.models.mlp import SIGMOID_INPUTS, sigmoid_inputs

SIZES = (2, 4, 8, 16, 32, 60, 120, 500)
IMAGES, POOL, DRAWS = 100, 10_000, 20


def measure(network: Network, sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
  """The spread of predictions over draws of batch-mates.

  `rows` has for each size of a mini-batch, the example included: the standard deviation
  over `DRAWS` of the inputs of the last sigmoids, in standard deviations over images,
  and of the probability of the right class, both as root mean squares over images; and
  the share of images whose predicted class is not the same in all draws. Sizes for
  which there are not enough training images are left out.
  """
  network = subject.mlp(network)
  subject.check_is_normalized(network)
  images, labels, *_ = subject.examples(network, 'test', IMAGES)
  pool = subject.examples(network, 'train', POOL).images
  predict = _predictions(network)
  rows = [
    {'size': size, **_spread(*_drawn(predict, images, pool, size), labels)}
    for size in sizes
    if size <= 1 + len(pool)
  ]
  return {'images': len(labels), 'draws': DRAWS, 'rows': rows}


def _predictions(network: Network):
  """Compiled: (images, mates) -> probabilities, last sigmoid inputs of each image."""

  def of_one(image, mates):
    logits, sown = network.model.apply(
      network.variables, jnp.concatenate([image[None], mates]),
      train=True, mutable=['batch_stats', SIGMOID_INPUTS],
    )  # fmt: skip
    return nn.softmax(logits[0]), sigmoid_inputs(sown)[-1][0]

  return jax.jit(jax.vmap(of_one, in_axes=(0, None)))


def _drawn(
  predict, images, pool, size: int
) -> tuple[
  Float[np.ndarray, 'draws images classes'], Float[np.ndarray, 'draws images units']
]:
  generator = np.random.default_rng(size)
  draws = []
  for _ in range(DRAWS):
    mates = pool[generator.choice(len(pool), size - 1, replace=False)]
    draws.append(jax.device_get(predict(images, mates)))
  return tuple(np.asarray(part, np.float64) for part in zip(*draws))


def _spread(probabilities, inputs, labels) -> dict[str, float]:
  right = probabilities[:, np.arange(len(labels)), np.asarray(labels)]
  deviation = inputs.mean(axis=0).std(axis=0)
  classes = probabilities.argmax(axis=-1)
  return {
    'deviation_of_inputs': root_mean_square(inputs.std(axis=0, ddof=1) / deviation),
    'deviation_of_probability': root_mean_square(right.std(axis=0, ddof=1)),
    'share_that_changes': float(np.mean(np.ptp(classes, axis=0) > 0)),
  }
