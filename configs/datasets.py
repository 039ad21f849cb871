"""What a data set changes in a network of section 4.2.

python -m bn_repro --config=configs/bn_x30.py:imagenette_160 --workdir=runs/bn_x30

The paper's data set is imagenet2012. On the others every network trains equally long.
"""

from typing import NamedTuple

from ml_collections import ConfigDict


class Dataset(NamedTuple):
  """The columns of the table below; `train_for` is None for the paper's own.

  `mirror` is False for characters, whose mirror images are other characters or none.
  """

  name: str
  size: int
  num_classes: int
  stem: str
  width: float
  train_for: str | None
  mirror: bool = True


DATASETS = {
  'imagenet2012': Dataset('imagenet2012', 224, 1000, 'figure5', 1.0, None),
  # Ten classes of ImageNet in full size, for one GPU.
  'imagenette': Dataset(
    'imagenette/full-size-v2', 128, 10, 'figure5', 1.0, '120 epochs'
  ),
  # The same ten classes as squares of 160 pixels, for two CPU cores.
  'imagenette_160': Dataset('imagenette_160', 64, 10, 'figure5', 0.25, '20 epochs'),
  'cifar10': Dataset('cifar10', 32, 10, 'small', 0.5, '60 epochs'),
  # Not tried for accuracy: size and classes are the data's, the rest is as on cifar10.
  'cifar100': Dataset('cifar100', 32, 100, 'small', 0.5, '60 epochs'),
  'svhn_cropped': Dataset('svhn_cropped', 32, 10, 'small', 0.5, '60 epochs', False),
  'fashion_mnist': Dataset('fashion_mnist', 28, 10, 'small', 0.5, '60 epochs'),
  'kmnist': Dataset('kmnist', 28, 10, 'small', 0.5, '60 epochs', False),
  'emnist/balanced': Dataset(
    'emnist/balanced', 28, 47, 'small', 0.5, '60 epochs', False
  ),
  # Its labels are 1 to 26; TFDS counts 37 classes, and so does the softmax.
  'emnist/letters': Dataset('emnist/letters', 28, 37, 'small', 0.5, '60 epochs', False),
  # 8x8, inside scikit-learn: to try things in a minute.
  'digits': Dataset('digits', 8, 10, 'small', 0.125, '10 epochs', False),
}


def choose(config: ConfigDict, name: str) -> None:
  """Sets size, classes, mirroring, stem and width for one of `DATASETS`."""
  dataset = _find(name)
  config.dataset.name = dataset.name
  config.dataset.size = dataset.size
  config.dataset.num_classes = dataset.num_classes
  config.dataset.mirror = dataset.mirror
  config.model.stem = dataset.stem
  config.model.width = dataset.width


def train_for(name: str, imagenet2012: str) -> str:
  """How long to train: `imagenet2012` on ImageNet, else the data set's own."""
  return _find(name).train_for or imagenet2012


def _find(name: str) -> Dataset:
  if name not in DATASETS:
    raise ValueError(f'no data set {name!r}; there are {", ".join(DATASETS)}')
  return DATASETS[name]
