"""The 144 crops of GoogLeNet, against boxes worked out by hand.

For a crop of 14 pixels the shorter sides are 16, 18, 20 and 22.
"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_repro.data import views as views_lib
from bn_repro.data.views import View, distinct, views

SIDES = st.integers(1, 5_000)
# Of each size: where its three squares begin along the longer side of a 1 x 2 image,
# and what of a square is left beside a crop, at its far corner and at its centre.
BY_HAND = {16: ((0, 8, 16), 2, 1), 18: ((0, 9, 18), 4, 2), 20: ((0, 10, 20), 6, 3),
           22: ((0, 11, 22), 8, 4)}  # fmt: skip


def by_hand(shorter, begin):
  """Corners, centre and whole of the square that begins there."""
  _, far, middle = BY_HAND[shorter]
  return [
    (0, begin, 14), (0, begin + far, 14), (far, begin, 14), (far, begin + far, 14),
    (middle, begin + middle, 14), (0, begin, shorter),
  ]  # fmt: skip


LANDSCAPE = [
  View(shorter, 2 * shorter, *place)
  for shorter, (begins, _, _) in BY_HAND.items()
  for begin in begins
  for place in by_hand(shorter, begin)
]


def test_a_landscape():
  """Left, centre and right square; 300 x 600 pixels."""
  assert views(300, 600, 14) == LANDSCAPE
  assert len(LANDSCAPE) * 2 == views_lib.NUMBER


def test_a_portrait():
  """Top, centre and bottom: the landscape with its axes exchanged."""
  exchanged = [View(v.width, v.height, v.left, v.top, v.side) for v in LANDSCAPE]
  assert Counter(views(600, 300, 14)) == Counter(exchanged)


def test_a_square():
  """The three squares coincide, so that 24 views stand for three each."""
  expected = {
    View(shorter, shorter, *place): 3
    for shorter in BY_HAND
    for place in by_hand(shorter, 0)
  }
  assert distinct(160, 160, 14) == expected
  assert len(expected) == 24


def test_the_papers_sizes():
  """256, 288, 320 and 352 for 224."""
  shorter = {min(view.height, view.width) for view in views(375, 500, 224)}
  assert shorter == {256, 288, 320, 352}
  widths = [view.width for view in views(375, 500, 224)[::18]]
  assert widths == [341, 384, 427, 469]  # 4/3 of the shorter sides, rounded


@given(height=SIDES, width=SIDES, size=st.integers(1, 300))
def test_every_view_lies_inside_and_all_72_are_counted(height, width, size):
  counted = distinct(height, width, size)
  assert sum(counted.values()) == 72
  for view in counted:
    assert 0 <= view.top <= view.height - view.side
    assert 0 <= view.left <= view.width - view.side
    assert view.side >= size


@pytest.mark.parametrize('width', [161, 163])
def test_an_image_that_is_nearly_square_has_some_views_twice(width):
  """At 16 pixels its squares begin at 0, 0 and 0; later ones differ."""
  assert 24 <= len(distinct(160, width, 14)) < 72
