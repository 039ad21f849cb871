"""What a network sees of an image (section 4.1: binary input)."""

import jax
import numpy as np
import pytest

from bn_repro.data import pixels, sources


@pytest.mark.parametrize('threshold', [0.0, 0.5, 0.9])
def test_binary_pixels_are_on_above_the_threshold(config, threshold):
  config.dataset.threshold = threshold
  every_byte = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
  seen = pixels.convert_pixels(every_byte, config.dataset)
  assert seen.dtype == np.float32
  np.testing.assert_array_equal(seen, every_byte / 255 > threshold)


def test_grey_pixels_run_from_0_to_1(config):
  config.dataset.pixels = 'grey'
  every_byte = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
  seen = pixels.convert_pixels(every_byte, config.dataset)
  np.testing.assert_allclose(seen, every_byte / 255, rtol=1e-6)


def test_a_batch_holds_the_examples_of_its_indices(config):
  examples = sources.load('digits').train
  feed = pixels.PixelFeed(examples, config, jax.devices()[:1])
  inputs = jax.tree.map(lambda leaf: leaf[0], feed.inputs(range(3, 4)))
  batch = jax.jit(lambda *arguments: feed.batch(*arguments, None))(
    feed.examples, inputs
  )
  indices = inputs.indices
  np.testing.assert_array_equal(batch.labels, examples.labels[indices])
  np.testing.assert_array_equal(batch.images, examples.images[indices] > 127)
