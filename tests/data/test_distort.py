"""Distortions hold to references, and to (seed, step, position) alone."""

import colorsys
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_sample_images

from bn_repro.data import distort

SIZE = 64


@functools.cache
def photographs():
  """Two photographs of scikit-learn's wheel, cut to `[2, 200, 240, 3]` uint8."""
  return np.stack([image[100:300, 200:440] for image in load_sample_images().images])


def make_images(number, height=5, width=4, seed=0):
  """Noise `[number, height, width, 3]` float32 in 0 to 1."""
  rng = np.random.default_rng(seed)
  return rng.random((number, height, width, 3), np.float32)


def keys_of(number, seed=0, step=0):
  return distort.example_keys(seed, step, jnp.arange(number))


# Resampling.

BOXES = {
  'whole': (0, 0, 200, 240),
  'reduced': (10.25, 20.5, 170.125, 140.75),
  'at the corner': (110, 150, 90, 90),
  'enlarged': (50.5, 60.25, 20.75, 30.5),
  'reduced and enlarged': (0, 0, 30, 200),
  'one pixel': (7, 9, 1, 1),
}


@pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)
def test_resampling_is_pillows_on_photographs(box):
  """Pillow rounds to whole numbers after each of its two directions."""
  boxes = jnp.tile(jnp.array(box, jnp.float32), (2, 1))
  ours = jax.jit(distort.resample, static_argnums=2)(photographs(), boxes, SIZE)
  assert ours.dtype == jnp.float32
  top, left, height, width = box
  for image, found in zip(photographs(), ours):
    expected = Image.fromarray(image).resize(
      (SIZE, SIZE), Image.Resampling.BILINEAR, (left, top, left + width, top + height)
    )
    difference = np.abs(np.asarray(expected, np.float64) - found)
    assert difference.max() < 1.05
    assert difference.mean() < 0.35


def test_resampling_a_box_of_the_same_size_cuts_it_out():
  boxes = jnp.array([[3, 5, SIZE, SIZE], [0, 0, SIZE, SIZE]], jnp.float32)
  ours = distort.resample(photographs(), boxes, SIZE)
  first, second = photographs()
  assert_allclose(ours[0], first[3 : 3 + SIZE, 5 : 5 + SIZE], atol=1e-3)
  assert_allclose(ours[1], second[:SIZE, :SIZE], atol=1e-3)


# Mirroring.


def test_mirror_turns_half_of_the_images():
  images = make_images(2000)
  mirrored = np.asarray(distort.mirror(keys_of(2000), images))
  turned = np.all(mirrored == images[:, :, ::-1], axis=(1, 2, 3))
  kept = np.all(mirrored == images, axis=(1, 2, 3))
  assert np.all(turned ^ kept)
  # Five standard deviations of a binomial.
  assert abs(turned.sum() - 1000) < 5 * (2000 / 4) ** 0.5
  assert distort.mirror(keys_of(2), photographs()).dtype == np.uint8


# The four adjustments, in float64.


def each_pixel(image, change):
  """`change`, a function of a pixel's (h, s, v), applied by way of colorsys."""
  pixels = np.asarray(image, np.float64).reshape(-1, 3)
  turned = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*p))) for p in pixels]
  return np.reshape(turned, image.shape)


def brightness_reference(image, delta):
  return np.asarray(image, np.float64) + delta


def saturation_reference(image, factor):
  return each_pixel(image, lambda h, s, v: (h, min(factor * s, 1), v))


def hue_reference(image, turns):
  return each_pixel(image, lambda h, s, v: ((h + turns) % 1, s, v))


def contrast_reference(image, factor):
  image = np.asarray(image, np.float64)
  mean = image.mean(axis=(0, 1))
  return mean + factor * (image - mean)


ADJUSTMENTS = {
  'brightness': (distort.adjust_brightness, brightness_reference, (-0.125, 0.1)),
  'saturation': (distort.adjust_saturation, saturation_reference, (0, 0.5, 1, 1.5, 4)),
  'hue': (distort.adjust_hue, hue_reference, (-0.2, -0.05, 0, 0.2, 0.5, 1)),
  'contrast': (distort.adjust_contrast, contrast_reference, (0, 0.5, 1, 1.5)),
}


def on_channels(adjust):
  """An adjustment of channels, applied to `[height, width, 3]`."""

  def adjusted(image, amount):
    channels = jnp.moveaxis(jnp.asarray(image), -1, 0)
    return jnp.moveaxis(adjust(channels, amount), 0, -1)

  return adjusted


def colours():
  """Noise, and the colours where formulas of hue divide by zero or change branch."""
  rng = np.random.default_rng(0)
  corners = np.array(np.meshgrid(*[[0, 0.5, 1]] * 3)).reshape(3, 27).T
  return np.concatenate([corners, rng.random((21, 3))]).reshape(6, 8, 3).astype('f4')


@pytest.mark.parametrize('name', ADJUSTMENTS)
def test_adjustment_is_that_of_float64(name):
  """Each amount, within rounding, on a small image of all kinds of colours."""
  adjust, reference, amounts = ADJUSTMENTS[name]
  for amount in amounts:
    found = on_channels(adjust)(colours(), jnp.float32(amount))
    assert found.dtype == jnp.float32
    expected = reference(colours(), np.float64(np.float32(amount)))
    assert_allclose(found, expected, atol=2e-6, err_msg=f'{name} {amount}')


def test_a_third_of_a_turn_makes_red_green():
  green = distort.adjust_hue(jnp.array([0.9, 0.1, 0.1]), 1 / 3)
  assert_allclose(green, [0.1, 0.9, 0.1], atol=1e-6)


def test_values_outside_of_0_to_1_stay_finite():
  """Brightness comes first and may leave the range, by either end."""
  image = 3 * jnp.array(colours()) - 1
  for name, (adjust, _, amounts) in ADJUSTMENTS.items():
    for amount in amounts:
      assert np.all(np.isfinite(on_channels(adjust)(image, amount))), name
  # Black that was darkened has no hue to saturate.
  grey = distort.adjust_saturation(jnp.array([-0.3, -0.2, -0.1]), 1.5)
  assert_allclose(grey, jnp.full(3, -0.1), atol=1e-7)


# The chain.


def test_no_strength_changes_no_bit():
  """Without photometric distortion a crop is mirrored, and nothing else."""
  images, positions = 255 * make_images(8), jnp.arange(8)
  seen = distort.finished(images, positions, distort.Distortion(0, 0, None))
  mirrored = distort.mirror(distort.example_keys(0, 0, positions), images / 255)
  assert_array_equal(seen, 2 * mirrored - 1)


def test_characters_need_not_be_mirrored():
  images, positions = 255 * make_images(8), jnp.arange(8)
  distortion = distort.Distortion(0, 0, None)
  seen = distort.finished(images, positions, distortion, mirrors=False)
  assert_array_equal(seen, 2 * (images / 255) - 1)


@pytest.mark.slow
@pytest.mark.parametrize('strength', [0.3, 1.0])
def test_photometric_is_the_chain_of_the_four(strength, monkeypatch):
  """The drawn amounts, caught, give the result in float64; they fill their ranges."""
  caught = {name: [] for name in ADJUSTMENTS}
  for name, (adjust, _, _) in ADJUSTMENTS.items():

    def spy(image, amount, adjust=adjust, name=name):
      jax.debug.callback(lambda a: caught[name].append(float(a)), amount, ordered=False)
      return adjust(image, amount)

    monkeypatch.setattr(distort, f'adjust_{name}', spy)
  images = make_images(1, 8, 8)
  # A function of its own: another's program has no spies, or those of another test.
  compiled = jax.jit(lambda keys: distort.photometric(keys, images, strength))
  draws = []
  for step in range(200):
    found = compiled(keys_of(1, step=step))
    jax.effects_barrier()
    amounts = {name: values.pop() for name, values in caught.items()}
    draws.append(list(amounts.values()))
    expected = images[0]
    for name in ('brightness', 'saturation', 'hue', 'contrast'):
      expected = ADJUSTMENTS[name][1](expected, amounts[name])
    # The float64 chain has no negative values to treat, so only where it had none.
    if (images[0] + amounts['brightness']).min() >= 0:
      assert_allclose(found[0], np.clip(expected, 0, 1), atol=1e-5)
  check_ranges(np.array(draws), strength)


def check_ranges(draws, strength):
  """Amounts `[n, 4]` lie in Google's ranges, scaled, and reach near their ends."""
  widths = strength * np.array([32 / 255, 0.5, 0.2, 0.5])
  middle = np.array([0, 1, 0, 1])
  shares = (draws - middle) / widths
  assert np.all(np.abs(shares) <= 1 + 1e-5)
  assert np.all(shares.min(axis=0) < -0.9) and np.all(shares.max(axis=0) > 0.9)
  # Four draws, not one used four times.
  assert np.all(np.abs(np.corrcoef(shares.T) - np.eye(4)) < 0.3)


def test_photometric_stays_between_black_and_white():
  images = make_images(64)
  found = jax.jit(distort.photometric, static_argnums=2)(keys_of(64), images, 1.0)
  assert found.dtype == jnp.float32
  assert found.shape == images.shape
  assert found.min() >= 0 and found.max() <= 1
  assert np.all(np.any(found != images, axis=(1, 2, 3)))


# Keys.


@pytest.mark.slow
def test_the_two_random_distortions_of_one_key_are_independent():
  """On even grey, where brightness alone shows; five standard deviations."""
  keys, grey = keys_of(1000), jnp.full((1000, 2, 2, 3), 0.5)
  is_left = jnp.broadcast_to(jnp.array([True, False])[None, None, :, None], grey.shape)
  is_turned = np.asarray(distort.mirror(keys, is_left))[:, 0, 1, 0]
  is_brighter = np.asarray(distort.photometric(keys, grey, 1.0))[:, 0, 0, 0] > 0.5
  assert abs(np.sum(is_turned == is_brighter) - 500) < 5 * (1000 / 4) ** 0.5


def test_keys_differ_by_seed_step_and_position():
  keys = [
    distort.example_keys(seed, step, jnp.arange(3))
    for seed in (0, 1)
    for step in (0, 1)
  ]
  data = {tuple(row) for key in keys for row in np.asarray(jax.random.key_data(key))}
  assert len(data) == 12


def test_the_step_may_be_traced():
  traced = jax.jit(lambda step: jax.random.key_data(keys_of(4, 3, step)))(5)
  assert_array_equal(traced, jax.random.key_data(keys_of(4, 3, 5)))


def distorted(images, positions, step=3):
  """Both random distortions under the same keys, compiled."""
  keys = distort.example_keys(7, step, positions)
  return distort.photometric(keys, distort.mirror(keys, images), 1.0)


@pytest.mark.slow
def test_an_example_is_distorted_alike_however_the_batch_is_split():
  """By position in the global mini-batch: 1 device, 2 of 4, or 8 under pmap."""
  images, positions = make_images(8, 8, 8), jnp.arange(8)
  whole = jax.jit(distorted)(images, positions)
  halves = [
    jax.jit(distorted)(images[h], positions[h]) for h in np.arange(8).reshape(2, 4)
  ]
  devices = jax.pmap(distorted)(images[:, None], positions[:, None])
  assert_allclose(np.concatenate(halves), whole, atol=1e-6)
  assert_allclose(devices[:, 0], whole, atol=1e-6)


def test_the_same_seed_and_step_give_the_same_bits():
  images, positions = make_images(8), jnp.arange(8)
  compiled = jax.jit(distorted)
  assert_array_equal(compiled(images, positions), compiled(images, positions))
  assert np.any(compiled(images, positions) != compiled(images, positions, 4))
