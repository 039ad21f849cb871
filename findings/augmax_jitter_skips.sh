#!/usr/bin/env bash
# augmax.ColorJitter never changes the saturation, and changes the hue only if enough of its other strengths are set.
#
# Sworn: ColorJitter(brightness, contrast, saturation, hue) changes each of the four by a random amount up to its
#   strength; a strength of 0 leaves that one out.
# Seen: the new saturation is computed and thrown away: with any strength the image keeps its own. The four are run
#   through in the order brightness, contrast, hue, saturation, next to a list of keys that has one for each strength
#   above 0 (and one more if p is below 1). The list can end before the hue, third of the four, has its turn:
#   ColorJitter(brightness=0, contrast=0, saturation=0, hue=0.4) returns the image. With a contrast above 0 besides,
#   the hue is changed with p=0.5 and not with p=1. Nothing is said.
# Version: augmax 0.4.1, jax 0.10.2, 2026-11-30. Source: augmax/colorspace.py, ColorJitter.pixelwise(). Reported for
#   the saturation: issue 2 of Physical-Intelligence/augmax.
# Matters: a run "with colour jitter" has less of it than its configuration says, or none; a comparison of strengths of
#   saturation compares a run with itself.
# Instead: leave no strength at 0 (1e-6 will do) for the hue; change the saturation yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'augmax==0.4.1' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6' 'einops==0.8.2'
JAX_PLATFORMS=cpu "$work/venv/bin/python" -W ignore - <<'PY'
import colorsys

import augmax
import jax
import numpy as np

KEYS = jax.random.split(jax.random.key(0), 50)
IMAGE = np.random.RandomState(0).uniform(0.25, 0.75, (4, 4, 3)).astype(np.float32)


def hsv(images):
  return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in np.asarray(images, float).reshape(-1, 3)])


def changes(p=1.0, **strengths):
  """Says by how much hue, saturation and value change at most, over many keys."""
  jitter = augmax.Chain(augmax.ColorJitter(**strengths, p=p))
  images = jax.jit(jax.vmap(jitter, (0, None)))(KEYS, IMAGE)
  difference = np.abs(hsv(images) - np.tile(hsv(IMAGE), (len(KEYS), 1)))
  difference[:, 0] = np.minimum(difference[:, 0], 1 - difference[:, 0])  # hue is a circle
  return {name: float(most.round(3)) for name, most in zip(('hue', 'saturation', 'value'), difference.max(0))}


alone, small = dict(brightness=0, contrast=0), dict(brightness=1e-6, contrast=1e-6)
seen = {
  'all four': changes(brightness=0.3, contrast=0.3, saturation=0.9, hue=0.4),
  'saturation 0.9 alone': changes(**alone, saturation=0.9, hue=0),
  'saturation 0.9, others at 1e-6': changes(**small, saturation=0.9, hue=1e-6),
  'hue 0.4 alone': changes(**alone, saturation=0, hue=0.4),
  'hue 0.4 and contrast 0.3': changes(brightness=0, contrast=0.3, saturation=0, hue=0.4),
  'hue 0.4 and contrast 0.3, p=0.5': changes(brightness=0, contrast=0.3, saturation=0, hue=0.4, p=0.5),
  'hue 0.4, others at 1e-6': changes(**small, saturation=1e-6, hue=0.4),
}
for name, most in seen.items():
  print(f'{name}: largest changes {most}')
if seen['all four']['hue'] < 0.2 or seen['all four']['value'] < 0.1 or seen['hue 0.4, others at 1e-6']['hue'] < 0.2:
  raise SystemExit('changed: hue and value are not jittered to begin with')
if any(most['saturation'] > 0.01 for most in seen.values()):
  raise SystemExit('changed: the saturation is jittered')
if seen['hue 0.4 alone']['hue'] > 0.01 or seen['hue 0.4 and contrast 0.3']['hue'] > 0.01:
  raise SystemExit('changed: the hue is jittered with other strengths at 0')
print('as stated: no saturation is ever jittered, no hue alone')
PY
