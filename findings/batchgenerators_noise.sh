#!/usr/bin/env bash
# batchgenerators' seeds do not reach its noise, and its noise variance is a standard deviation.
#
# Sworn: with seeds for its workers MultiThreadedAugmenter returns the same batches "with the same augmentation every
#   time": its docstring guarantees it. GaussianNoiseTransform((0.25, 0.25)) adds noise of variance 0.25.
# Seen: two loaders with the seeds 0, 1, 2, 3 give the same brightness and other noise: the strength is drawn with
#   Python's random, and only NumPy's generator is seeded. The noise has variance 0.0625, the square of 0.25, which is
#   handed to np.random.normal() as the standard deviation; so it is for RicianNoiseTransform.
# Version: batchgenerators 0.25.5 with numpy 2.4.6 and Python 3.11, 2026-11-30.
#   Source: batchgenerators/augmentations/noise_augmentations.py; dataloading/multi_threaded_augmenter.py, producer().
#   Issue 17 of 2019 told of the seeds, and was closed when the brightness had gone over to NumPy.
# Matters: of two seeded runs one cannot say what a change of the network has done; a variance of 0.1 is one of 0.01.
# Instead: call random.seed() in the data loader's set_thread_id(), and pass the standard deviation.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-image==0.26.0' 'pandas==3.1.1' \
  'threadpoolctl==3.8.0'
"$work/venv/bin/pip" install -q --no-deps 'batchgenerators==0.25.5'
cd "$work"
cat > program.py <<'PY'
import random

import numpy as np
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter
from batchgenerators.transforms.color_transforms import BrightnessTransform
from batchgenerators.transforms.noise_transforms import GaussianNoiseTransform, RicianNoiseTransform

SEEDS, BATCHES = [0, 1, 2, 3], 8


class Zeros(DataLoader):
  def generate_train_batch(self):
    return {'data': np.zeros((1, 1, 100, 100))}


class Seeded(Zeros):
  """Seeds Python's random in each worker, too."""
  def set_thread_id(self, thread_id):
    super().set_thread_id(thread_id)
    random.seed(SEEDS[thread_id])


def batches(loader, transform):
  augmenter = MultiThreadedAugmenter(loader(None, 1, num_threads_in_multithreaded=4), transform, 4, seeds=SEEDS)
  drawn = np.stack([next(augmenter)['data'] for _ in range(BATCHES)])
  augmenter._finish()
  return drawn


if __name__ == '__main__':
  cases = {'brightness': (Zeros, BrightnessTransform(0, 1)), 'noise': (Zeros, GaussianNoiseTransform((0, 1))),
           'noise, random seeded': (Seeded, GaussianNoiseTransform((0, 1)))}
  same = {}
  for name, case in cases.items():
    first, second = batches(*case), batches(*case)
    same[name] = sum(np.array_equal(*pair) for pair in zip(first, second))
    print(f'{name}: of {BATCHES} batches by the same seeds {same[name]} are the same')
    if name == 'noise':
      print('  strengths:', first.std(axis=(1, 2, 3, 4)).round(2), second.std(axis=(1, 2, 3, 4)).round(2))
  np.random.seed(0)
  image = np.zeros((1, 1, 500, 500))
  variance = GaussianNoiseTransform((0.25, 0.25))(data=image.copy())['data'].var()
  rician = RicianNoiseTransform((0.25, 0.25))(data=image + 100)['data'].var()  # far from 0 it is Gaussian
  print(f'variance 0.25: Gaussian noise of variance {variance:.4f}, Rician of {rician:.4f}')
  if same['brightness'] != BATCHES or same['noise, random seeded'] != BATCHES:
    raise SystemExit('changed: seeds do not make anything the same')
  if same['noise'] > BATCHES // 2:
    raise SystemExit('changed: noise is the same by the same seeds')
  if not 0.06 < variance < 0.065 or not 0.06 < rician < 0.065:
    raise SystemExit('changed: the variance of the noise is the one asked for')
  print('as stated: seeds do not reach the noise, and its variance is the square')
PY
venv/bin/python -W ignore program.py
