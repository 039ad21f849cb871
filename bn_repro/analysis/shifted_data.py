"""Claim 30: population statistics estimated again on data that have shifted.

Section 5 leaves to future work whether BN helps a network "to more easily generalize to
new data distributions, perhaps with just a recomputation of the population means and
variances". Here validation images are changed, and the weights stay. The statistics
come from one half of the changed images and accuracy from the other, and then the other
way round, so that no image is normalized by itself.
"""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageEnhance, ImageFilter
from tqdm import tqdm

from bn_repro.analysis.subject import Subject
from bn_repro.data import sources
from bn_repro.data.resident import ResidentImages
from bn_repro.evaluate.network import Network
from bn_repro.run.errors import UserError
from bn_repro.training import parallel
from bn_repro.training.evaluator import ExampleEvaluator
from bn_repro.training.population import PopulationStatistics


def _compressed(image: Image.Image, quality: float) -> Image.Image:
  file = io.BytesIO()
  image.save(file, 'JPEG', quality=int(quality))
  return Image.open(file)


# How an image is changed, and by how much, weakest first.
SHIFTS: dict[str, tuple[Callable[[Image.Image, float], Image.Image], tuple]] = {
  'brightness': (lambda x, by: ImageEnhance.Brightness(x).enhance(by), (0.6, 0.4, 0.2)),
  'contrast': (lambda x, by: ImageEnhance.Contrast(x).enhance(by), (0.6, 0.4, 0.2)),
  'blur, pixels':
    (lambda x, by: x.filter(ImageFilter.GaussianBlur(by)), (1.0, 2.0, 4.0)),
  'JPEG quality': (_compressed, (20, 10, 5)),
}  # fmt: skip
Images = UInt8[np.ndarray, 'images height width 3']


def measure(network: Network) -> dict[str, Any]:
  """Accuracy on shifted images with both statistics.

  `rows` has for each shift and each amount the number of images and how many are
  classified correctly with the statistics of the training set (before) and with those
  of the shifted images (after).
  """
  if network.config.model.name != 'inception':
    raise UserError(
      f'{network.workdir} holds no network of section 4.2; choose one that has batch '
      'normalization, such as a run of configs/bn_x30.py'
    )
  subject = Subject(network)
  feed = subject.experiment.feeds.test
  if not isinstance(feed, ResidentImages):
    raise UserError(
      f'the run in {network.workdir} does not keep its images in memory; choose a run '
      f'on one of {", ".join(sources.ONE_SIZE)}, without config.dataset.feed=stream'
    )
  halves = _Halves(subject, feed.examples)
  cases = [(shift, amount) for shift, (_, of) in SHIFTS.items() for amount in of]
  bar = tqdm([('none', None), *cases], desc='shifts', disable=None)
  return {'rows': [halves.row(shift, amount) for shift, amount in bar]}


class _Halves:
  """The even and the odd validation images, and a network for both; compiles once."""

  def __init__(self, subject: Subject, examples: sources.Examples):
    self._network, self._examples = subject.network, examples
    self._number = len(examples.labels) // 2  # of a half; an odd last one is left out
    self._clean = subject.population_statistics(
      self._network.params, self._network.batch_stats
    )
    built = subject.experiment
    feed = ResidentImages(self._half(examples.images, 0), built.config, built.devices)
    built = built._replace(feeds=built.feeds._replace(train=feed, test=feed))
    self._statistics_of = PopulationStatistics(built)
    self._evaluate = ExampleEvaluator(built, feed)
    self._devices = built.devices

  def _half(self, images: np.ndarray, start: int) -> sources.Examples:
    chosen = slice(start, 2 * self._number, 2)
    return sources.Examples(images[chosen], self._examples.labels[chosen])

  def row(self, shift: str, amount: float | None) -> dict[str, Any]:
    images = self._examples.images
    if amount is not None:
      images = shifted(images, SHIFTS[shift][0], amount)
    halves = [
      parallel.replicate(self._half(images, start), self._devices) for start in (0, 1)
    ]
    params, stats = self._network.params, self._network.batch_stats
    again = [self._statistics_of(params, stats, half) for half in halves]
    return {
      'shift': shift, 'amount': amount, 'images': 2 * self._number,
      'right_before': sum(self._right(self._clean, half) for half in halves),
      'right_after': sum(map(self._right, again, halves[::-1])),
    }  # fmt: skip

  def _right(self, statistics: Any, half: Any) -> int:
    means, _ = self._evaluate(self._network.params, statistics, half)
    return round(means['accuracy'] * self._number)


def shifted(
  images: Images, change: Callable[[Image.Image, float], Image.Image], amount: float
) -> Images:
  """The images, each of them changed."""
  changed = lambda pixels: np.asarray(change(Image.fromarray(pixels), amount))
  with ThreadPoolExecutor() as workers:
    return np.stack(list(workers.map(changed, images)))
