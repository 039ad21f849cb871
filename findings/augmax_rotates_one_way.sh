#!/usr/bin/env bash
# augmax.Rotate with a probability below 1 turns images in one direction only.
#
# Sworn: Rotate((-30, 30), p=0.5) leaves half of the images as they are and turns the others by angles spread evenly
#   over -30 to 30 degrees, as many to the left as to the right.
# Seen: the draw that decides whether to turn and the draw of the angle use the same key, so they are the same number:
#   only draws below p turn, and they are the angles of one end of the range. With p=0.5 all turns are clockwise, with
#   p=0.2 all are of 18 to 30 degrees: the rarer, the steeper. With p=1, the default, they are spread as they should be.
#   Besides, RandomSizedCrop(224) with prevent_underzoom=True, the default, does zoom out of a 256 by 256 image: its
#   bound is the logarithm of 224 / 256 where the zoom itself is meant, and 44 of 100 crops have black margins.
# Version: augmax 0.4.1, jax 0.10.2, 2026-11-30. Source: augmax/geometric.py, Rotate.transform_coordinates() and
#   RandomSizedCrop.transform_coordinates().
# Matters: the network sees a world that leans to one side. The mean over many images is far from upright, and a test
#   with p=1 does not show it.
# Instead: Rotate with p=1, chosen for an example with a key of your own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'augmax==0.4.1' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6' 'einops==0.8.2'
JAX_PLATFORMS=cpu "$work/venv/bin/python" -W ignore - <<'PY'
import augmax
import jax
import jax.numpy as jnp
import numpy as np

KEYS = jax.random.split(jax.random.key(0), 1000)
rows, columns = jnp.mgrid[-32:33, -32:33]
spot = jnp.exp(-(rows**2 + (columns - 20) ** 2) / 18)[..., None]  # one spot, right of the middle


def angles(p):
  """Turns the spot with each key, and reads from the images by how many degrees it went round."""
  turn = augmax.Chain(augmax.Rotate((-30, 30), p=p))
  images = jax.jit(jax.vmap(turn, (0, None)))(KEYS, spot)[..., 0]
  return np.degrees(np.arctan2((images * rows).sum((1, 2)), (images * columns).sum((1, 2))))


seen = {p: angles(p) for p in (1.0, 0.5, 0.2)}
for p, degrees in seen.items():
  turned = degrees[abs(degrees) > 0.1]
  low, high = turned.min(), turned.max()
  print(f'p={p}: {len(turned)} of {len(KEYS)} turned, clockwise by {low:.1f} to {high:.1f} degrees,', end=' ')
  print(f'{turned.mean():.1f} on average')

white = jnp.ones((256, 256, 1))
crops = jax.jit(jax.vmap(augmax.Chain(augmax.RandomSizedCrop(224)), (0, None)))(KEYS[:100], white)
margins = np.array((crops < 0.5).mean((1, 2, 3)))
print('of 100 crops of a white image, with black margins:', (margins > 0).sum(), 'largest:', margins.max().round(2))


def sides(p):
  return {float(sign) for sign in np.sign(seen[p][abs(seen[p]) > 0.1])}


if sides(1.0) != {-1.0, 1.0} or abs(seen[1.0].mean()) > 2:
  raise SystemExit('changed: with p=1 the angles are not spread evenly')
if len(sides(0.5)) != 1 or len(sides(0.2)) != 1:
  raise SystemExit('changed: images are turned both ways')
if (margins > 0).sum() < 20:
  raise SystemExit('changed: crops no longer reach beyond the image')
print('as stated: of the images that are turned, all are turned the same way')
PY
