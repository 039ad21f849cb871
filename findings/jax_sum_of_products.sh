#!/usr/bin/env bash
# jax.jit on a CPU returns wrong numbers, without a word, for "multiply each example by a matrix, then sum" over 33,000
# or 40,000 examples.
#
# Sworn: jax.jit(f)(x) is f(x) up to rounding, whatever the number of examples.
# Seen: of the squared lengths of 40,000 colours after a 3x3 colour transform, the last 7,232 are wrong: from example
#   32,768 on, each has the value of the example 32 places before it. The same for 33,000. 32,768 are right, and so are
#   50,000, on one core and on two. XLA hands the product and the sum to YNNPACK as one; with the sum left to XLA all
#   are right.
# Version: jax and jaxlib 0.10.2, the newest for Python 3.11, 2026-11-30. 0.12.0.1 is right. Reported: jax issue 39103,
#   closed, by which 0.10.1 is right, too.
# Matters: nothing fails and nothing is NaN. Tests on a few examples pass, and the numbers over a whole test set, such
#   as the mean distance to a class's centre, are wrong.
# Instead: XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type=-reduce, or a newer jax on Python 3.12.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
cat > "$work/squares.py" <<'PY'
import jax
import jax.numpy as jnp
import numpy as np

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def squared_lengths(colours):
  return jax.vmap(lambda colour: jnp.sum((YIQ @ colour) ** 2))(colours)


for number in (32_768, 33_000, 40_000, 50_000):
  colours = np.random.RandomState(0).uniform(0, 1, (number, 3)).astype(np.float32)
  right = np.sum((colours.astype(float) @ YIQ.T.astype(float)) ** 2, axis=1)
  got = np.asarray(jax.jit(squared_lengths)(colours))
  wrong = np.flatnonzero(abs(got - right) > 1e-4 * right)
  is_of_earlier = bool(wrong.size) and np.allclose(got[wrong], right[wrong - 32], rtol=1e-4)
  print(f'{number} examples: {wrong.size} wrong, values of the 32nd before: {is_of_earlier}')
PY
export JAX_PLATFORMS=cpu
seen=$("$work/venv/bin/python" "$work/squares.py")
without=$(XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type=-reduce "$work/venv/bin/python" "$work/squares.py")
printf 'as it is\n%s\nwith the sum left to XLA\n%s\n' "$seen" "$without"
expected='32768 examples: 0 wrong, values of the 32nd before: False
33000 examples: 232 wrong, values of the 32nd before: True
40000 examples: 7232 wrong, values of the 32nd before: True
50000 examples: 0 wrong, values of the 32nd before: False'
[ "$seen" = "$expected" ] || { echo 'changed: other examples are wrong, or none'; exit 1; }
[ "$(grep -c ': 0 wrong' <<< "$without")" = 4 ] || { echo 'changed: wrong with the sum left to XLA, too'; exit 1; }
echo 'as stated: from example 32,768 on, each has the value of the 32nd before it'
