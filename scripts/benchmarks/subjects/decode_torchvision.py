"""torchvision's form of the work of `decode.py`: decode whole, cut, resize.

It is what RandomResizedCrop calls, on both kinds of image that torchvision knows.
"""

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from subjects.decode_task import Batches, Task, one_by_one
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms.v2 import InterpolationMode, functional


def on_pillow(task: Task) -> Batches:
  """Pillow decodes and resizes."""

  def read(data, box):
    image = Image.open(io.BytesIO(data)).convert('RGB')
    return functional.pil_to_tensor(resized(image, *box))

  resized = _resized_crop(task.size)
  return one_by_one(task, read, _stack)


def on_tensors(task: Task) -> Batches:
  """torchvision decodes, PyTorch resizes; recommended by torchvision as the faster."""

  def read(data, box):
    file = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return resized(decode_jpeg(file, ImageReadMode.RGB), *box)

  resized = _resized_crop(task.size)
  return one_by_one(task, read, _stack)


def _resized_crop(size: int) -> Callable:
  """(image, top, left, height, width) -> a crop, on this thread."""
  torch.set_num_threads(1)
  bilinear = InterpolationMode.BILINEAR
  return lambda image, *box: functional.resized_crop(
    image, *box, [size, size], bilinear, antialias=True
  )


def _stack(crops: list[torch.Tensor]) -> np.ndarray:
  """Crops `[3, size, size]` as a batch; channels come last without a copy."""
  return torch.stack(crops).permute(0, 2, 3, 1).numpy()
