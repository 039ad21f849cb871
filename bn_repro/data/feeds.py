"""Chooses the feeds of a config. Does not know what a feed does."""

from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from bn_repro.data import sources
from bn_repro.data.feed import Feed
from bn_repro.data.pixels import PixelFeed
from bn_repro.run.errors import UserError


class Feeds(NamedTuple):
  """The two halves of a data set, the second for evaluation."""

  train: Feed
  test: Feed
  num_classes: int
  image_shape: tuple[int, ...]


def open_feeds(config: ConfigDict, devices: list[jax.Device]) -> Feeds:
  """Opens the data set that the config names."""
  if config.model.name == 'mlp':
    dataset = sources.load(config.dataset.name)
    train, test = (PixelFeed(half, config, devices) for half in dataset[:2])
    return Feeds(train, test, dataset.num_classes, dataset.train.images.shape[1:])
  if config.dataset.name == sources.DIGITS and config.dataset.feed == 'stream':
    raise UserError(
      'config.dataset.feed=stream reads prepared sets, and digits are inside a '
      'package; choose auto or resident'
    )
  train, test = (_photographs(split, config, devices) for split in ('train', 'test'))
  size = config.dataset.size
  return Feeds(train, test, config.dataset.num_classes, (size, size, 3))


def open_test_feed(config: ConfigDict, devices: list[jax.Device]) -> Feed:
  """Opens the half for evaluation alone."""
  if config.model.name == 'mlp':
    return PixelFeed(sources.load(config.dataset.name).test, config, devices)
  return _photographs('test', config, devices)


def _photographs(split: str, config: ConfigDict, devices: list[jax.Device]) -> Feed:
  # Not at the top: the MLP needs neither Grain nor Pillow.
  from bn_repro.data import resident, stream

  name, feed = config.dataset.name, config.dataset.feed
  if name == sources.DIGITS:
    digits = sources.digits()
    sources.check_classes(name, digits.num_classes, config.dataset.num_classes)
    images, labels = getattr(digits, split)
    in_colour = np.repeat(images[..., None], 3, axis=-1)
    examples = sources.Examples(in_colour, labels)
    return resident.ResidentImages(examples, config, devices)
  records = sources.Split(name, split, config.dataset.num_classes)
  if feed == 'stream' or (feed == 'auto' and not records.is_kept):
    return stream.StreamedImages(records, config, devices)
  examples, skipped = resident.decode_all(records, config.dataset.on_corrupt)
  return resident.ResidentImages(examples, config, devices, skipped)
