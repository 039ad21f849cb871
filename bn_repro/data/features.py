"""Which features of a data set of TFDS are its image and its label."""

from typing import Any, NamedTuple

import numpy as np

from bn_repro.run.errors import UserError

NAME = 'features.json'  # of the file that describes them
_LISTED = 8  # features that a message names


class ImageAndLabel(NamedTuple):
  """What a data set stores of each example.

  Attributes:
    image, label: the names of its image and its label among the features.
    shape: height, width and channels of the images; None where they differ.
    num_classes: of the labels; None for labels that are plain integers.
    images: the names of all features that are images, `image` among them.
  """

  image: str
  label: str
  shape: tuple[int | None, ...]
  num_classes: int | None
  images: tuple[str, ...]


def of(name: str, info: Any) -> ImageAndLabel:
  """Image and label of the data set `name`, of which `info` is the DatasetInfo.

  Those are TFDS's supervised keys; else the features 'image' and 'label'; else the only
  image and the only label. Raises UserError unless there is one of each.
  """
  import tensorflow_datasets as tfds  # late: slow

  features = dict(info.features)
  images = [n for n, kind in features.items() if isinstance(kind, tfds.features.Image)]
  labels = [n for n, kind in features.items() if _is_label(kind)]
  keys = info.supervised_keys or ()
  supervised = [key for key in keys if isinstance(key, str)] if len(keys) == 2 else []
  image = _the_one('image', images, supervised, name, features)
  label = _the_one('label', labels, supervised, name, features)
  shape, dtype = features[image].shape, np.dtype(features[image].np_dtype)
  if len(shape) != 3 or dtype != np.uint8:
    raise UserError(
      f'an image of {name} is {dtype} of shape {shape}; choose a data set of images of '
      '8 bits (uint8) with height, width and channels'
    )
  # Of a ClassLabel without classes TFDS says 0.
  num_classes = getattr(features[label], 'num_classes', None) or None
  return ImageAndLabel(image, label, shape, num_classes, tuple(images))


def _is_label(feature: Any) -> bool:
  dtype = getattr(feature, 'np_dtype', None)
  return feature.shape == () and bool(dtype) and np.issubdtype(dtype, np.integer)


def _the_one(
  wanted: str, names: list[str], supervised: list[str], name: str, features: dict
) -> str:
  preferred = [key for key in (*supervised, wanted) if key in names]
  if preferred or len(names) == 1:
    return (preferred or names)[0]
  listed = [f'{n}: {type(kind).__name__}' for n, kind in features.items()]
  more = ', ...' if len(listed) > _LISTED else ''
  raise UserError(
    f'{name} has {"more than one" if names else "no"} {wanted} among its features '
    f'({", ".join(listed[:_LISTED])}{more}); choose a data set with one image and one '
    'label'
  )
