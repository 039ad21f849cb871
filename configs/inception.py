"""Inception (section 4.2.2): the plain network of figure 5, without BN.

python -m bn_repro --config=configs/inception.py:imagenet2012 --workdir=runs/inception
Figure 3: 72.2 % top-1 on ImageNet, after 31 million steps of 32 images.

Every hyperparameter of the family is spelt out here; its other files are short
diffs of this one. The paper does not state what is marked "inferred" or "our
choice": the former follows from other work of its authors or from the BVLC
replication of GoogLeNet, the latter from nothing. The seven fields that section
4.2.1 changes are numbered.
"""

from ml_collections import ConfigDict

from configs import datasets

LEARNING_RATE = 0.0015
# Inferred: BVLC's GoogLeNet. A fifth of it is the weight in the authors' later code.
L2 = 2e-4


def get_config(dataset: str = 'imagenet2012') -> ConfigDict:
  """Plain Inception on one of `datasets.DATASETS`."""
  config = ConfigDict()
  config.network = 'inception'
  # Decides initial weights, order, crops, distortions and dropout; nothing else is
  # random.
  config.seed = 0

  config.dataset = ConfigDict()
  # resident: decoded once, kept on the device and cropped there; stream: read,
  # decoded and cropped by workers; auto: resident where the data set says that all
  # images have one size, and they take at most 2 GiB.
  config.dataset.feed = 'auto'
  config.dataset.workers = 0  # processes that decode; 0: threads of this one
  config.dataset.on_corrupt = 'stop'  # or skip: unreadable images are counted
  # Half of the training images, at random, left for right; no data set of characters.
  config.dataset.mirror = True

  config.model = ConfigDict()
  config.model.name = 'inception'
  config.model.batch_norm = False
  config.model.nonlinearity = 'relu'
  config.model.separable_first_conv = True  # figure 5's note; depth multiplier 8
  # Printed: 128, with which the printed depths do not add up; see models/inception.py.
  config.model.pool_projection_4cd = 96
  config.model.local_response_normalization = True  # change 5
  config.model.dropout = 0.4  # change 2
  # Our choice: the paper names no fully connected layers but the top softmax's.
  config.model.auxiliary_heads = False
  # Inferred: as in later code of the authors (truncated normal, twice 1 / fan-in).
  config.model.weight_variance = 2.0
  # Above 0: normal weights of this standard deviation instead, as before He et al.
  config.model.weight_std = 0.0
  config.model.dtype = 'float32'  # of the computation; or bfloat16

  # What follows matters with batch normalization only.
  config.model.per_activation_rows = ()
  # Inferred: a replica normalized its own mini-batch of 32. 0: the whole mini-batch.
  config.model.normalization_group = 32
  config.model.epsilon = 1e-3  # inferred: later code of the authors
  # Our choice. Reported numbers take population statistics, which do not depend on it.
  config.model.decay = 0.99
  # Our choice: "multiple training mini-batches" (algorithm 2).
  config.population_batches = 30

  # Stochastic gradient descent; a step takes one mini-batch of 32.
  config.batch_size = 32
  config.learning_rate = LEARNING_RATE  # change 1
  config.momentum = 0.9  # inferred: GoogLeNet
  # Inferred: GoogLeNet lowers the learning rate by 4 % every 8 epochs.
  config.learning_rate_decay = 0.96
  config.learning_rate_decay_every = '8 epochs'  # change 4
  config.l2 = L2  # change 3
  config.l2_on_gamma_and_beta = False
  # GoogLeNet averaged its weights; this paper does not say that it did. 0: no average.
  config.polyak_decay = 0.0
  # Parts of a mini-batch that are computed one after the other, to save memory.
  config.gradient_accumulation = 1

  # Coarse: whole shards in random order, so that neighbours stay together;
  # thorough: a new order of all examples in every epoch.
  config.shuffling = 'coarse'  # change 6
  # Our choice. Neighbours in a shard stay neighbours; where one mini-batch ends and the
  # next begins moves from epoch to epoch, as 32 does not divide an epoch.
  config.shard_size = 1024
  # Strength of brightness, contrast, saturation and hue: 0 none, 1 full.
  config.photometric_distortion = 1.0  # change 7

  config.train_for = datasets.train_for(dataset, imagenet2012='31e6 steps')
  # Ends early when validation accuracy has not risen for this share of the steps taken,
  # but not before `train_at_least`. 0: never.
  config.patience = 0.0
  config.train_at_least = '1 epoch'
  config.num_devices = 0  # all; the mini-batch is split over them
  config.partner_timeout = 60.0  # gives up after these seconds without another process
  config.steps_per_call = 1  # steps in one compiled program
  config.evaluation_batch_size = 128
  # Training images that are evaluated, too: the gap to validation images. 0: none.
  config.training_images_evaluated = 0
  # Whether the moving average is evaluated beside algorithm 2; it costs as much again.
  config.moving_average_evaluated = True
  # Evaluations at log-spaced steps, from `evaluate_every` to nine tenths of training,
  # and five in the last tenth. 0: at every `evaluate_every`.
  config.log_spaced_evaluations = 0
  # Mini-batches for the population statistics of those five. 0: `population_batches`.
  config.last_population_batches = 0
  config.log_every = '100 steps'
  config.evaluate_every = '1 epoch'
  config.checkpoint_every = '1 epoch'
  # Reported: the steps to these validation accuracies. The best of the paper's plain
  # Inception is "the target" of figure 3.
  config.targets = (0.722,)

  datasets.choose(config, dataset)
  return config
