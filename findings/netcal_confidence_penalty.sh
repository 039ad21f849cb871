#!/usr/bin/env bash
# The ConfidencePenalty of netcal rewards confidence, and its DCAPenalty ignores its weight.
#
# Sworn: a penalty of confident outputs, made to be added to a loss, is minus their entropy. DCAPenalty(weight=w) is w
#   times the difference of confidence and accuracy.
# Seen: the class ConfidencePenalty returns plus the entropy. The uniform distribution over 3 classes costs 0.37, a sure
#   one 0.01 (by default it also divides by the number of classes). The function confidence_penalty() of the same
#   file, for NumPy arrays, has the right sign. Trained on labels that are right in 80 % of cases, a classifier has a
#   confidence of 80 % without the penalty, 89 % with it, and 69 % with its sign turned. DCAPenalty is 0.995 for the
#   weights 0, 1 and 10; MMCEPenalty of the same package heeds its weight.
# Version: netcal 1.4.0 with torch 2.13.0, numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1, 2026-12-01.
#   Source: netcal/regularization/ConfidencePenalty.py, forward() (its only minus is the one of the entropy; that of the
#   penalty is missing), and DCAPenalty.py, forward() (self.weight is not used).
# Matters: both are to make a network better calibrated. The first makes it overconfident, which is what it is to
#   prevent ("prohibits over-confident estimates", says the documentation). A search over weights of the second
#   compares equal trainings, and the weight 0 does not switch it off.
# Instead: a negative weight for ConfidencePenalty; multiply the result of DCAPenalty oneself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1'
# Its other requirements are for Gaussian processes, sampling and diagrams.
"$work/venv/bin/pip" install -q --no-deps 'netcal==1.4.0'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import torch
from netcal.regularization import ConfidencePenalty, DCAPenalty, MMCEPenalty, confidence_penalty
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
uniform, sure = torch.zeros(1, 3), torch.tensor([[6.0, 0, 0]])
by_class, summed = [[ConfidencePenalty(reduction=reduction)(logits).item() for logits in (uniform, sure)]
                    for reduction in ('mean', 'batchmean')]
by_function = [float(confidence_penalty(logits.softmax(1).numpy(), 1.0)) for logits in (uniform, sure)]
print('penalty of the uniform and of a sure distribution: class {:.2f} and {:.2f}'.format(*by_class)
      + ', summed over classes {:.2f} and {:.2f}'.format(*summed)
      + ', function {:.2f} and {:.2f}'.format(*by_function))

# One example of each class, whose label is right in 80 % of cases: a calibrated confidence is 80 %.
targets = torch.full((3, 3), 0.1) + 0.7 * torch.eye(3)


def confidence(penalty):
  """Mean confidence of logits that minimize cross-entropy and penalty."""
  logits = torch.zeros(3, 3, requires_grad=True)
  optimizer = torch.optim.SGD([logits], lr=1.0)
  for _ in range(3000):
    loss = cross_entropy(logits, targets) + penalty(logits)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
  return logits.softmax(1).max(1).values.mean().item()


without = confidence(lambda logits: 0.0)
with_penalty = confidence(ConfidencePenalty(weight=1.0))
turned = confidence(ConfidencePenalty(weight=-1.0))
print(f'confidence of a trained classifier: without {without:.1%}, with the penalty {with_penalty:.1%},'
      f' with its sign turned {turned:.1%}')
wrong = torch.tensor([1])
gaps, mmces = [[penalty(weight=weight)(sure, wrong).item() for weight in (0.0, 1.0, 10.0)]
               for penalty in (DCAPenalty, MMCEPenalty)]
print('weights 0, 1 and 10: DCAPenalty', *(f'{value:.3f}' for value in gaps), 'MMCEPenalty',
      *(f'{value:.3f}' for value in mmces))
if abs(without - 0.8) > 0.01 or turned > without - 0.05:
  raise SystemExit('changed: training is off')
if by_class[0] <= by_class[1] or with_penalty < without + 0.05:
  raise SystemExit('changed: the class penalizes confidence')
if max(abs(value + other) for value, other in zip(summed, by_function, strict=True)) > 1e-4:
  raise SystemExit('changed: class and function do not differ by their sign')
if len(set(gaps)) != 1 or abs(mmces[2] - 10 * mmces[1]) > 1e-3 or mmces[1] == 0:
  raise SystemExit('changed: DCAPenalty heeds its weight, or MMCEPenalty does not')
print('as stated: the penalty rewards confidence, and the weight of DCAPenalty does nothing')
PY
