"""What 144 crops cost: time and memory of `python -m bn_repro.evaluate`.

python scripts/multi_crop_cost.py --output=results/ensemble/imagenet_sample.json

BN-x30 at full width and 224 pixels with its initial weights, on the photographs of
imagenet_sample, which have all shapes; each row is a process of its own. Some 10
minutes on two CPU cores; `--images=500`, all photographs, is for a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
from project import PROJECT

from bn_repro.models import networks
from bn_repro.models.describe import input_of
from bn_repro.run import config as config_lib
from bn_repro.run import devices, exits, places, provenance, settings
from bn_repro.run.checkpoint import Checkpoint, Checkpoints
from bn_repro.run.config import write_json

DATASET = 'imagenet_sample'


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--output', required=True, help='the JSON file')
  parser.add_argument('--images', type=int, nargs='+', default=[16, 64], help='(16 64)')
  options = places.parsed(parser, output=places.output)
  devices.start()
  with tempfile.TemporaryDirectory() as directory:
    workdir = Path(directory) / 'run'
    save_untrained(workdir)
    cases = [(1, max(options.images)), *((144, number) for number in options.images)]
    rows = [measure(workdir, *case) for case in cases]
  origin = provenance.origin(jax.local_devices())
  write_json(options.output, {'dataset': DATASET, 'rows': rows, **origin})
  print(json.dumps(rows, indent=2))


@settings.fixed()
def save_untrained(workdir: Path) -> None:
  """A workdir with a checkpoint of the initial weights."""
  config = config_lib.load(f'{PROJECT}/configs/bn_x30.py:imagenet2012')
  size, num_classes = input_of(config)
  model = networks.build(config, num_classes)
  variables = networks.initial_variables(model, config.seed, size)
  workdir.mkdir()
  config_lib.store(config, workdir, [])
  with Checkpoints(workdir) as checkpoints:
    checkpoints.save(Checkpoint(0, jax.device_get(variables), {}))


def measure(workdir: Path, crops: int, images: int) -> dict:
  """Evaluates images in a process; returns its time for each and its peak memory."""
  output = workdir / f'{crops}_{images}.json'
  process = subprocess.Popen(
    [sys.executable, '-m', 'bn_repro.evaluate', f'--workdir={workdir}',
     f'--dataset={DATASET}', f'--crops={crops}', f'--examples={images}',
     '--statistics=moving_average', f'--output={output}'],
    cwd=PROJECT, env=places.environment(),
  )  # fmt: skip
  _, status, usage = os.wait4(process.pid, 0)
  if status:
    sys.exit(f'error: the evaluation of {images} images failed')
  result = json.loads(output.read_text())
  return {
    'images': images, 'crops': crops, 'different_crops': result['different_crops'],
    'seconds_per_image': result['members'][0]['seconds'] / images,
    'peak_bytes': 1024 * usage.ru_maxrss,
  }  # fmt: skip


if __name__ == '__main__':
  exits.exit_after(main)
