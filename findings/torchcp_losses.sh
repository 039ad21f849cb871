#!/usr/bin/env bash
# The losses of torchcp for conformal training aim the wrong way: at sets that hold 10 % of labels, or at wrong answers.
#
# Sworn: ConfTrLoss and ConfTSLoss with alpha = 0.1 take the 90 % quantile of the nonconformity scores of half a batch
#   as their threshold, so that 90 % of the other half are in their sets; the soft quantile, the default, is a smooth
#   version of the hard one. CDLoss is least for a network that gives the right label the lowest score.
# Seen: the soft quantile sorts downwards and then counts as if it had sorted upwards: it is the 10 % quantile. Of the
#   scores 0, 0.001, ..., 0.999 it is 0.10, the hard one 0.90. In half a batch where the hard threshold leaves 90 % in
#   their sets the soft one leaves 10 %, and the loss "coverage" is 0.64 instead of 0. CDLoss has its difference turned
#   round: it is 0.125 (with the default epsilon) for a network that is sure the right label is wrong, and 0.875 for one
#   that is always right. Trained with it, a network that was 79 % sure of the right label gives it 0.2 %.
# Version: torchcp 1.2.1 with torch 2.13.0, numpy 2.4.6, scipy 1.17.1 and scikit-learn 1.9.1, 2026-12-01.
#   Source: torchcp/classification/loss/confts.py, _soft_quantile() (the index is of (1 - alpha) in a descending order),
#   which ConfTrLoss, ConfTrTrainer and ConfTSTrainer use, and cd.py, forward() (all scores minus the label's).
# Matters: the training shrinks sets that are to hold one label in ten, not nine, so it works on the best tenth of
#   the batch; a network tuned with CDLoss is destroyed while its loss falls.
# Instead: soft_qunatile=False (spelled so) or alpha = 0.9 in the loss; minus CDLoss.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6' 'scipy==1.17.1' 'scikit-learn==1.9.1' 'tqdm==4.70.1'
# Its other requirements are for graphs, language models and a loss that is not used here.
"$work/venv/bin/pip" install -q --no-deps 'torchcp==1.2.1'
cd "$work"
venv/bin/python -W ignore - <<'PY'
import sys
from types import ModuleType
from unittest.mock import MagicMock

sys.modules.update({'torchsort': MagicMock(), 'torchcp.graph': ModuleType('graph'), 'torchcp.llm': ModuleType('llm')})
import torch
from torchcp.classification.loss import CDLoss, ConfTrLoss, ConfTSLoss
from torchcp.classification.predictor import SplitPredictor
from torchcp.classification.score import LAC

torch.set_num_threads(1)
predictor = SplitPredictor(LAC(score_type='identity'))  # score: 1 minus what the network gives
scores = torch.arange(1000) / 1000
soft = ConfTSLoss(predictor, alpha=0.1)._soft_quantile(scores, 0.1).item()
predictor.calculate_threshold(1 - scores[:, None], torch.zeros(1000, dtype=torch.long), 0.1)
hard = predictor.q_hat.item()
print(f'threshold for 90 % of the scores 0, 0.001, ..., 0.999: soft {soft:.3f}, hard {hard:.3f},'
      f' torch.quantile {scores.quantile(0.9):.3f}')

# Two equal halves of a batch: the first sets the threshold, the second is in its sets or not.
half = 1 - scores[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
outputs, labels = torch.cat([half, half])[:, None].repeat(1, 2), torch.zeros(2000, dtype=torch.long)
losses = [ConfTrLoss(predictor, alpha=0.1, fraction=0.5, loss_type='coverage', soft_qunatile=is_soft)(outputs, labels)
          .item() for is_soft in (True, False)]
shares = [(scores <= threshold).float().mean().item() for threshold in (soft, hard)]
print('share in the sets: soft {:.1%}, hard {:.1%}'.format(*shares)
      + ', loss "coverage": soft {:.3f}, hard {:.6f}'.format(*losses))

softmax = SplitPredictor(LAC())
answers = torch.arange(4)
right, wrong = 20 * torch.eye(4), -20 * torch.eye(4)
of_right, of_wrong = [CDLoss(softmax)(logits, answers).item() for logits in (right, wrong)]
print(f'CDLoss: always right {of_right:.3f}, never right {of_wrong:.3f}')


def train(sign):
  """Confidence in the right labels before and after, and the loss before and after."""
  logits = torch.nn.Parameter(2.43 * torch.eye(4))
  loss, optimizer = CDLoss(softmax, epsilon=0.5), torch.optim.SGD([logits], lr=20.0)
  seen = []
  for _ in range(200):
    value = loss(logits, answers)
    seen.append((logits.softmax(1).diag().mean().item(), value.item()))
    optimizer.zero_grad()
    (sign * value).backward()
    optimizer.step()
  return *seen[0], *seen[-1]


as_is, turned = train(1), train(-1)
for name, row in (('CDLoss', as_is), ('minus CDLoss', turned)):
  print('trained with {}: confidence in the right label {:.1%}, loss {:.3f}, then {:.1%}, {:.3f}'.format(name, *row))
if abs(hard - 0.9) > 0.01 or losses[1] > 0.001:
  raise SystemExit('changed: the hard quantile is off')
if abs(soft - 0.1) > 0.02 or abs(losses[0] - 0.64) > 0.05:
  raise SystemExit('changed: the soft quantile is no longer the one of the other end')
if of_right < 0.8 or of_wrong > 0.2 or as_is[2] > 0.1 or turned[2] < 0.8:
  raise SystemExit('changed: CDLoss favours right answers')
print('as stated: the soft quantile is the one of the other end, and CDLoss is least for wrong answers')
PY
