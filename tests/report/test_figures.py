"""Error bars."""

import pytest

from bn_repro.report import effects, figures


@pytest.mark.parametrize('sideways', [True, False])
def test_bars_reach_from_values_to_the_ends_of_intervals(sideways):
  _, (axes,) = figures.panels(1)
  effect = effects.between(2, 1, 5, '')
  figures.draw_intervals(axes, [7], [effect], sideways)
  line, _, (bars,) = axes.containers[0]
  (ends,) = bars.get_segments()
  value, place = line.get_xydata()[0][:: 1 if sideways else -1]
  assert (value, place) == (2, 7)
  assert ends[:, 0 if sideways else 1].tolist() == [1, 5]


def test_nothing_is_drawn_of_no_estimates():
  _, (axes,) = figures.panels(1)
  figures.draw_intervals(axes, [], [])
  assert not len(axes.containers[0][0].get_xdata())
