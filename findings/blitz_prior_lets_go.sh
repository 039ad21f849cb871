#!/usr/bin/env bash
# The prior of blitz, N(0, 0.1) by default, has no pull on weights beyond 0.6: it adds 0.000001 to its density.
#
# Sworn: the complexity cost of a weight w under a normal prior of deviation s grows as w^2 / 2 s^2, with the gradient
#   w / s^2, the more so the farther a weight is.
# Seen: the density has a floor of 1e-6, so the cost is at most 13.8, whatever the weight. With the default prior
#   deviation of 0.1 the gradient at 0.5, 0.6 and 1 is 47, 3.4 and 8e-14; by the formula it is 50, 60 and 100. Descent
#   of the cost alone takes a weight of 0.4 below 0.01, and leaves one of 1 at 1 for good. A distribution given as
#   prior_dist is treated in the same way.
# Version: blitz-bayesian-pytorch 0.2.8 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: blitz/modules/weight_sampler.py, PriorWeightDistribution.log_prior(); a comment there says that the term is
#   against small densities in the logarithm; the documentation does not name it.
# Matters: large weights are not regularized at all: those a network starts with (MOPED_() is for trained ones), or that
#   the data take past 0.6. The narrower the prior the fewer weights it holds: with 0.01 it lets go beyond 0.06.
# Instead: add the closed form, kl_divergence(Normal(mu, sigma), Normal(0, 0.1)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
# Its other requirements are for images and examples.
"$work/venv/bin/pip" install -q --no-deps 'blitz-bayesian-pytorch==0.2.8'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
from blitz.losses import kl_divergence_from_nn
from blitz.modules import BayesianLinear
from torch.distributions import Normal

torch.set_num_threads(1)
POINTS = 0.1, 0.3, 0.5, 0.6, 1.0


def layer(weight, **options):
  """One weight with a posterior so narrow that a sample is its mean."""
  made = BayesianLinear(1, 1, bias=False, posterior_rho_init=-20, **options)
  with torch.no_grad():
    made.weight_mu.fill_(weight)
  return made


def gradient(weight, **options):
  """Gradient of the complexity cost by the weight."""
  made = layer(weight, **options)
  made(torch.ones(1, 1))
  (-made.log_prior).backward()
  return made.weight_sampler.mu.grad.item()


rows = {'default': [gradient(weight) for weight in POINTS],
        'prior_dist': [gradient(weight, prior_dist=Normal(0.0, 0.1)) for weight in POINTS],
        'w / s^2': [weight / 0.1 ** 2 for weight in POINTS]}
for name, row in rows.items():
  print(f'gradient at {", ".join(map(str, POINTS))}: {name}', *(f'{value:.2g}' for value in row))
# A reference in float64: the logarithm of the density of torch's own normal distribution.
reference = []
for point in POINTS:
  weight = torch.tensor(point, dtype=torch.float64, requires_grad=True)
  (-Normal(0 * weight.detach(), torch.tensor(0.1, dtype=torch.float64)).log_prob(weight)).backward()
  reference.append(weight.grad.item())

ends = {}
for start in (0.4, 1.0):
  made = layer(start)
  optimizer = torch.optim.SGD(made.parameters(), lr=1e-3)
  for _ in range(100):
    made(torch.ones(1, 1))
    optimizer.zero_grad()
    kl_divergence_from_nn(made).backward()
    optimizer.step()
  ends[start] = made.weight_mu.item()
  print(f'100 steps of descent of the complexity cost take a weight from {start} to {ends[start]:.3f}')
if max(abs(a - b) for a, b in zip(reference, rows['w / s^2'], strict=True)) > 1e-6 or abs(ends[0.4]) > 0.05:
  raise SystemExit('changed: the reference is off, or a small weight stays')
if rows['default'] != rows['prior_dist'] or rows['default'][-1] > 1e-6 or ends[1.0] < 0.99:
  raise SystemExit('changed: the prior pulls on large weights')
print('as stated: the prior lets large weights go')
PY
