#!/usr/bin/env bash
# A BayesianLSTM of blitz with peepholes, frozen for prediction, puts out sigmoids where it was trained with tanh.
#
# Sworn: freeze_() makes a network "predict using only the expected value" of its weights: with a posterior so narrow
#   that samples do not differ, outputs before and after are the same.
# Seen: the hidden state of a frozen BayesianLSTM(peephole=True) is sigmoid(o * c), that of an unfrozen one is
#   tanh(o * c). With a spread of the weights of 2e-9 two samples agree to 1e-7, and a frozen output differs from them
#   by up to 0.47; the mean is 0.55 instead of 0.19. Without peepholes, and in BayesianGRU, they agree. A reader
#   trained to a mean square error of 0.003 has one of 0.94 when it is frozen.
# Version: blitz-bayesian-pytorch 0.2.8 with torch 2.13.0 and numpy 2.4.6, 2026-12-01.
#   Source: blitz/modules/lstm_bayesian_layer.py, forward_frozen() and forward_().
# Matters: validation and deployment freeze the network, so their scores are those of another network than the one that
#   was trained; the mean of samples is right, so uncertainty seems to help.
# Instead: with peepholes average samples (mfvi_forward()), and do not freeze.
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
from blitz.modules import BayesianGRU, BayesianLSTM
from blitz.utils import variational_estimator

torch.set_num_threads(1)


@variational_estimator
class Reader(torch.nn.Module):
  """Reads a sequence and says one number."""

  def __init__(self, layer):
    super().__init__()
    self.layer, self.head = layer, torch.nn.Linear(8, 1)

  def forward(self, inputs):
    return self.head(self.layer(inputs)[0][:, -1])


torch.manual_seed(0)
sequences = torch.randn(64, 4, 3)
seen = {}
for name, kind, options in (('LSTM with peepholes', BayesianLSTM, {'peephole': True}), ('LSTM', BayesianLSTM, {}),
                            ('GRU', BayesianGRU, {})):
  layer = kind(3, 8, posterior_rho_init=-20, **options)
  first, second = [layer(sequences)[0].detach() for _ in range(2)]
  layer.freeze = True
  frozen = layer(sequences)[0].detach()
  seen[name] = (first - second).abs().max().item(), (first - frozen).abs().max().item()
  print('{}: two samples differ by up to {:.1g}, sample and frozen by {:.2g}'.format(name, *seen[name])
        + f'; means {first.mean():.3f} and {frozen.mean():.3f}')

# Sum of the first feature of the last two steps.
targets = sequences[:, -2:, 0].sum(1, keepdim=True)
model = Reader(BayesianLSTM(3, 8, posterior_rho_init=-20, peephole=True))
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
for _ in range(150):
  loss = torch.nn.functional.mse_loss(model(sequences), targets)
  optimizer.zero_grad()
  loss.backward()
  optimizer.step()
errors = [torch.nn.functional.mse_loss(model.mfvi_forward(sequences)[0], targets).item()]
model.freeze_()
errors.append(torch.nn.functional.mse_loss(model(sequences), targets).item())
print('mean square error of a trained reader: {:.3f} on the mean of samples, {:.3f} frozen'.format(*errors))
with_peepholes = seen.pop('LSTM with peepholes')
if max(max(pair) for pair in seen.values()) > 1e-5 or with_peepholes[0] > 1e-5:
  raise SystemExit('changed: samples differ, or the other layers')
if with_peepholes[1] < 0.3 or errors[1] < errors[0] + 0.1:
  raise SystemExit('changed: a frozen LSTM with peepholes computes what it was trained to')
print('as stated: frozen, an LSTM with peepholes is another network')
PY
