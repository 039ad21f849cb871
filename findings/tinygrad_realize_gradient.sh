#!/usr/bin/env bash
# tinygrad: after realize(), gradients stop at the tensor without an error.
#
# Sworn: realize() computes and changes no gradient, as tolist() and item() change none; what it makes unreachable is
#   an error.
# Seen: h = x * x, loss = h.sum(). With h.realize() or loss.realize() before it, loss.gradient(x) is zeros, not 2 x;
#   with h.tolist() or loss.item() it is 2 x. backward() leaves x.grad None, which an optimizer refuses; but where
#   x reaches the loss by a second way, too, as past a residual block, both give the part of that way alone:
#   1 for 2 x + 1.
# Version: tinygrad 0.14.0 on DEV=CPU with the clang of ziglang 0.17.1, Python 3.11 and 3.13, 2026-11-29.
# Source: tinygrad/tensor.py, realize() puts the buffer in place of the expression in every living tensor;
#   tinygrad/mixin/op.py, gradient() gives zeros for a target that it does not meet. realize()'s docstring, "triggers
#   the computation needed to create these Tensor(s)", and gradient()'s say nothing of it.
# Matters: one realize() in a forward pass, to look at an activation or to split a large kernel, and what lies before it
#   trains on part of its gradient.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tinygrad==0.14.0' 'ziglang==0.17.1'
printf '#!/bin/sh\nexec "%s" -m ziglang clang "$@"\n' "$work/venv/bin/python" > "$work/clang"
chmod +x "$work/clang"
HOME="$work" XDG_CACHE_HOME="$work" DEV=CPU CC="$work/clang" "$work/venv/bin/python" -W ignore - <<'PY'
from tinygrad import Tensor

LOOKS = {
  'nothing': lambda h, loss: None,
  'h.tolist()': lambda h, loss: h.tolist(),
  'loss.item()': lambda h, loss: loss.item(),
  'h.realize()': lambda h, loss: h.realize(),
  'loss.realize()': lambda h, loss: loss.realize(),
}


def gradient(look, second_way=False):
  x = Tensor([1.0, 2.0, 3.0]).realize()
  h = x * x
  loss = h.sum() + x.sum() if second_way else h.sum()
  look(h, loss)
  return loss.gradient(x)[0].tolist()


def after_backward(look, second_way=False):
  x = Tensor([1.0, 2.0, 3.0]).realize()
  h = x * x
  loss = h.sum() + x.sum() if second_way else h.sum()
  look(h, loss)
  loss.backward()
  return None if x.grad is None else x.grad.tolist()


seen = {name: (gradient(look), after_backward(look)) for name, look in LOOKS.items()}
for name, (by_gradient, by_backward) in seen.items():
  print(f'{name} before: gradient {by_gradient}, x.grad after backward {by_backward}')
realize = LOOKS['h.realize()']
two_ways = gradient(realize, True), after_backward(realize, True)
print('h.realize(), loss = h.sum() + x.sum():', *two_ways, 'for', gradient(LOOKS['nothing'], True))
right, zeros = [2.0, 4.0, 6.0], [0.0, 0.0, 0.0]
stays = all(seen[name] == (right, right) for name in ('nothing', 'h.tolist()', 'loss.item()'))
lost = all(seen[name] == (zeros, None) for name in ('h.realize()', 'loss.realize()'))
if not stays or not lost or two_ways != ([1.0] * 3, [1.0] * 3):
  raise SystemExit('changed: realize() no longer ends the gradient as stated')
print('as stated: what is realized has no gradient, and no error says so')
PY
