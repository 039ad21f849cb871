"""Section 4.1: does batch normalization speed up a sigmoid network on MNIST?

python -m bn_repro --config=configs/mnist.py:batch_norm --workdir=runs/batch_norm
python -m bn_repro --config=configs/mnist.py:baseline --workdir=runs/baseline

28x28 binary images, three fully connected hidden layers of 100 sigmoid units,
weights from a small Gaussian, a softmax of 10 and cross-entropy; 50,000 steps
with 60 examples each. `batch_norm` adds batch normalization before each sigmoid
and drops the biases there; nothing else differs. Results: results/mnist.

Where a comment says "our choice", the paper does not state the value.
"""

from ml_collections import ConfigDict

NETWORKS = ('batch_norm', 'baseline')


def get_config(network: str = 'batch_norm') -> ConfigDict:
  """The experiment for one of `NETWORKS`."""
  if network not in NETWORKS:
    raise ValueError(f'no network {network!r} in configs/mnist.py; there are '
                     f'{" and ".join(NETWORKS)}')  # fmt: skip
  config = ConfigDict()
  config.network = network
  # Decides the initial weights, the order of the examples, and nothing else.
  config.seed = 0

  config.dataset = ConfigDict()
  # Or 'digits', 8x8, inside scikit-learn, or any prepared set whose images have one
  # size, such as 'fashion_mnist' (docs/data.md).
  config.dataset.name = 'mnist'
  config.dataset.pixels = 'binary'  # or 'grey'
  # Our choice: a pixel is on above this share of full brightness. Sampling
  # each pixel by its brightness instead would add noise of its own.
  config.dataset.threshold = 0.5

  config.model = ConfigDict()
  config.model.name = 'mlp'
  config.model.hidden_sizes = (100, 100, 100)
  # Our choice of "small": between the grid's 0.01 and 1.0 (results/mnist).
  config.model.init_std = 0.1
  config.model.batch_norm = network == 'batch_norm'
  config.model.normalization_group = 0  # all examples of the mini-batch together
  # Our choice: as in later code of the paper's authors.
  config.model.epsilon = 1e-3
  # Our choice. Reported numbers take population statistics, which do not depend on it
  # (configs/analysis/moving_average.py tries others).
  config.model.decay = 0.99

  # Our choice: plain stochastic gradient descent at a constant learning rate, the same
  # for both networks. The grid in results/mnist has other learning rates.
  config.learning_rate = 0.1
  config.momentum = 0.0
  config.train_for = '50_000 steps'  # or epochs, or examples
  config.batch_size = 60

  # Algorithm 2 averages over "multiple training mini-batches". Our choice:
  # 100 of them, a tenth of an epoch, fixed by the seed.
  config.population_batches = 100
  # Figure 1 (b, c) shows "one typical sigmoid" of the last hidden layer. Our
  # choice, made before any run: the first.
  config.tracked_unit = 0
  # steps_to_target reports the first steps at which test accuracy reaches these.
  config.targets = (0.90, 0.95)

  config.num_devices = 1  # the mini-batch is split over them; 0 takes all
  config.partner_timeout = 60.0  # gives up after these seconds without another process
  config.steps_per_call = 100  # steps in one compiled program
  config.evaluation_batch_size = 2_000
  config.log_every = '100 steps'
  config.evaluate_every = '100 steps'
  config.checkpoint_every = '5_000 steps'
  return config
