"""Crops lie inside their images and are distributed as GoogLeNet's section 6 says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from bn_repro.data import crops, sampler

SIDES = st.integers(1, 65_535)
# Height and width: a square, a landscape, a portrait image.
SHAPES = {'square': (256, 256), 'landscape': (375, 500), 'portrait': (640, 360)}
NUMBER = 4000
# A right sampler fails a Kolmogorov-Smirnov test this rarely.
P_VALUE = 1e-3


def rejection_sampler(rng, height, width):
  """Area, aspect, and place along both axes of a box; tries until one fits."""
  while True:
    area = rng.uniform(0.08, 1.0)
    aspect = rng.uniform(3 / 4, 4 / 3)
    box_width = (area * height * width * aspect) ** 0.5
    box_height = box_width / aspect
    if box_width <= width and box_height <= height:
      return area, aspect, rng.uniform(), rng.uniform()


def describe(boxes, height, width):
  """`[n, 4]`: area, aspect, and place along both axes, as of the rejection sampler."""
  top, left, box_height, box_width = np.asarray(boxes, np.float64).T
  return np.stack([
    box_height * box_width / (height * width), box_width / box_height,
    top / (height - box_height), left / (width - box_width),
  ], axis=-1)  # fmt: skip


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), height=SIDES, width=SIDES)
def test_boxes_lie_inside_the_image_and_have_a_pixel(seed, height, width):
  """Also to the last bit of a float32, and in images of one pixel's width."""
  uniforms = crops.uniforms_of(seed, 0, 50)
  # As near to the lower right corner as a random number brings it.
  uniforms[::2, :, 2:] = np.nextafter(1, 0)
  sizes = np.full(50, height), np.full(50, width)
  for boxes in (crops.random_boxes(uniforms, *sizes), crops.centre_boxes(*sizes)):
    assert boxes.shape == (50, 4)
    assert boxes.dtype == np.float32
    ends = boxes[:, :2] + boxes[:, 2:]
    assert np.all(boxes[:, :2] >= 0)
    assert np.all(boxes[:, 2:] >= 1)
    assert np.all(ends <= np.float32([height, width]))
    assert np.all(boxes[:, :2].astype('f8') + boxes[:, 2:] <= [height, width])


@pytest.mark.parametrize('shape', SHAPES.values(), ids=SHAPES)
def test_distributions_are_those_of_a_rejection_sampler(shape):
  """Area, aspect ratio and place, each against a sampler written as a loop."""
  rng = np.random.default_rng(0)
  expected = np.array([rejection_sampler(rng, *shape) for _ in range(NUMBER)])
  uniforms = crops.uniforms_of(1, 2, NUMBER)
  sizes = np.full(NUMBER, shape[0]), np.full(NUMBER, shape[1])
  boxes = crops.random_boxes(uniforms, *sizes)
  # Ten attempts may all fail; the loop has no such limit.
  is_accepted = np.all(boxes[:, 2:] < np.float32(shape), axis=-1)
  assert is_accepted.mean() > 0.99
  found = describe(boxes[is_accepted], *shape)
  for name, ours, reference in zip(('area', 'aspect', 'y', 'x'), found.T, expected.T):
    assert stats.ks_2samp(ours, reference).pvalue > P_VALUE, name


@pytest.mark.parametrize('shape', SHAPES.values(), ids=SHAPES)
def test_area_and_aspect_stay_in_their_ranges(shape):
  uniforms = crops.uniforms_of(3, 4, NUMBER)
  sizes = np.full(NUMBER, shape[0]), np.full(NUMBER, shape[1])
  area, aspect, _, _ = describe(crops.random_boxes(uniforms, *sizes), *shape).T
  # Boxes are whole 256ths of a pixel.
  near = 1e-3
  assert crops.AREA[0] - near < area.min() < crops.AREA[0] + 0.01
  assert area.max() < crops.AREA[1] + near
  assert crops.ASPECT[0] - near < aspect.min() < crops.ASPECT[0] + 0.01
  assert crops.ASPECT[1] - 0.01 < aspect.max() < crops.ASPECT[1] + near


def test_the_first_attempt_that_fits_is_taken():
  """Worked by hand: 8 % of 100x100 fits, the whole image at 4/3 does not."""
  whole, least = [1.0, 1.0, 0.5, 0.5], [0.0, 0.25 / (7 / 12), 0.25, 0.75]
  uniforms = np.array([[whole, least, [0.0, 0.0, 0.0, 0.0]]])
  side = 0.08**0.5 * 100
  expected = [0.25 * (100 - side), 0.75 * (100 - side), side, side]
  boxes = crops.random_boxes(uniforms, np.array([100]), np.array([100]))
  assert_allclose(boxes, [expected], rtol=0, atol=1 / 256)


@pytest.mark.parametrize(
  ('shape', 'box'),
  [
    ((100, 1000), (0, 433.333, 100, 133.333)),
    ((1000, 100), (433.333, 0, 133.333, 100)),
    ((1, 50), (0, 24.333, 1, 1.333)),
  ],
)
def test_a_long_image_gives_its_largest_centred_box(shape, box):
  """Where every attempt asks for the whole area of a very long image."""
  uniforms = np.full((1, crops.ATTEMPTS, 4), 0.999)
  boxes = crops.random_boxes(uniforms, np.array(shape[:1]), np.array(shape[1:]))
  assert_allclose(boxes, [box], rtol=0, atol=2 / 256)


def test_centre_boxes_by_hand():
  heights, widths = np.array([256, 375, 500, 1]), np.array([256, 500, 333, 9])
  expected = [
    [16, 16, 224, 224],
    [23.4375, 85.9375, 328.125, 328.125],
    [104.3125, 20.8125, 291.375, 291.375],
    [0, 4, 1, 1],
  ]
  boxes = crops.centre_boxes(heights, widths)
  assert_allclose(boxes, expected, rtol=0, atol=1 / 256)
  assert_array_equal(crops.centre_boxes(heights, widths, 1.0)[0], [0, 0, 256, 256])


def test_images_of_one_batch_do_not_meet():
  """Boxes of images of different sizes are those of each image alone."""
  uniforms = crops.uniforms_of(0, 0, 3)
  heights, widths = np.array([256, 375, 640]), np.array([256, 500, 360])
  together = crops.random_boxes(uniforms, heights, widths)
  for j in range(3):
    one = slice(j, j + 1)
    alone = crops.random_boxes(uniforms[one], heights[one], widths[one])
    assert_array_equal(together[one], alone)


@given(seed=st.integers(0, 2**32), step=st.integers(0, 2**32 - 1))
def test_random_numbers_are_a_function_of_seed_step_and_position(seed, step):
  uniforms = crops.uniforms_of(seed, step, 8)
  assert uniforms.shape == (8, crops.ATTEMPTS, 4)
  assert_array_equal(uniforms, crops.uniforms_of(seed, step, 8))
  assert_array_equal(uniforms[:3], crops.uniforms_of(seed, step, 3))
  assert uniforms.min() >= 0 and uniforms.max() < 1


def test_seeds_steps_streams_and_orders_of_examples_share_no_key(monkeypatch):
  keys = []
  philox = np.random.Philox

  def recorded(key):
    keys.append(tuple(key))
    return philox(key=key)

  monkeypatch.setattr(np.random, 'Philox', recorded)
  # Past its cache, which may have these orders already.
  for seed in (0, 1):
    for stream in (sampler.TRAINING, sampler.POPULATION):
      for step in (0, 1):
        crops.uniforms_of(seed, step, 1, stream)
        sampler.epoch_order.__wrapped__(seed, stream, step, 1)
  assert len(set(keys)) == len(keys) == 16
