"""Pillow's form of the work of `decode.py`: decode every pixel, cut, resize."""

import io

import numpy as np
from PIL import Image
from subjects.decode_task import Batches, Task, one_by_one


def loop(task: Task) -> Batches:
  """One photograph after the other."""

  def read(data, box):
    top, left, height, width = box
    image = Image.open(io.BytesIO(data)).convert('RGB')
    cut = image.crop((left, top, left + width, top + height))
    return np.asarray(cut.resize((task.size,) * 2, Image.Resampling.BILINEAR))

  return one_by_one(task, read)
