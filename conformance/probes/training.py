"""Section 4.1's network in NumPy, but for its three batch normalizations."""

import os

import numpy as np

from conformance import reference
from conformance.probes import attempt

STEPS, BATCH, LEARNING_RATE = 2000, 60, 0.1
EPSILON, DECAY = 1e-3, 0.99
POPULATION_BATCHES = 100
AT = (50, 100, 200, 500, 1000, 2000)


def data():
  """The arrays of data.py, from $CONFORMANCE_DATA."""
  return np.load(os.environ['CONFORMANCE_DATA'])


def network(layer_of):
  """Accuracy with stored statistics and with algorithm 2, from the same weights."""
  arrays = data()
  return {
    'data': str(arrays['name']), 'test_images': len(arrays['test_labels']),
    'equal': attempt(lambda: _train(layer_of, arrays, epsilon=EPSILON, decay=DECAY)),
    'defaults': attempt(lambda: _train(layer_of, arrays)),
  }  # fmt: skip


class Network:
  """z = sigmoid(BN(Wu)) three times, then a softmax (section 4.1)."""

  def __init__(self, layer_of, arrays, options):
    self.weights = [arrays[f'weights_{i}'].astype(np.float32) for i in range(4)]
    self.bias = np.zeros(10, np.float32)
    self.layers = [
      layer_of((BATCH, len(w.T)), mode=layer_of.MODES[-1], **options)
      for w in self.weights[:3]
    ]
    parameters = [layer.read() for layer in self.layers]
    self.gammas = [p['gamma'].astype(np.float32) for p in parameters]
    self.betas = [p['beta'].astype(np.float32) for p in parameters]

  def hidden(self, images, normalize):
    """Inputs of each weight matrix; `normalize` takes the layer's number and Wu."""
    inputs = [images]
    for i, weights in enumerate(self.weights[:3]):
      y = normalize(i, inputs[-1] @ weights)
      inputs.append((1 / (1 + np.exp(-y))).astype(np.float32))
    return inputs

  def step(self, images, labels):
    """One step of gradient descent on the mean cross-entropy."""
    inputs = self.hidden(images, lambda i, x: self.layers[i].forward(x))
    logits = inputs[-1] @ self.weights[3] + self.bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    signal = shares / len(labels)
    down = signal @ self.weights[3].T
    self.weights[3] -= LEARNING_RATE * inputs[-1].T @ signal
    self.bias -= LEARNING_RATE * signal.sum(0)
    for i in (2, 1, 0):
      z = inputs[i + 1]
      down = self._down(i, inputs[i], down * z * (1 - z))

  def _down(self, i, u, dy):
    dx, gamma, beta = (np.float32(g) for g in self.layers[i].backward(dy))
    self.gammas[i] -= LEARNING_RATE * gamma
    self.betas[i] -= LEARNING_RATE * beta
    self.layers[i].assign(gamma=self.gammas[i], beta=self.betas[i])
    down = dx @ self.weights[i].T
    self.weights[i] -= LEARNING_RATE * u.T @ dx
    return down

  def accuracy(self, images, labels, normalize):
    inputs = self.hidden(images, normalize)
    logits = inputs[-1] @ self.weights[3] + self.bias
    return float((logits.argmax(1) == labels).mean())

  def population(self, batches):
    """Algorithm 2: statistics of each layer, over mini-batches, in float64."""
    sums = [[0.0, 0.0] for _ in self.layers]

    def normalize(i, x):
      mean, var = reference.moments(x)
      sums[i][0] = sums[i][0] + mean
      sums[i][1] = sums[i][1] + reference.unbiased(var, len(x))
      y = reference.forward(x, self.gammas[i], self.betas[i], EPSILON)
      return y.astype(np.float32)

    for images in batches:
      self.hidden(images, normalize)
    return [[total / len(batches) for total in pair] for pair in sums]


def _train(layer_of, arrays, **options):
  images, labels = arrays['images'], arrays['labels'].astype(int)
  order = arrays['order']
  test, test_labels = arrays['test_images'].astype(np.float32), arrays['test_labels']
  pixels = lambda step: images[order[step]].astype(np.float32)
  net, curve = Network(layer_of, arrays, options), {}
  for step in range(STEPS):
    net.step(pixels(step), labels[order[step]])
    if step + 1 in AT:
      infer = lambda i, x: net.layers[i].infer(x)
      curve[step + 1] = net.accuracy(test, test_labels, infer)
  population = net.population([pixels(step) for step in range(POPULATION_BATCHES)])
  for layer, (mean, var) in zip(net.layers, population):
    layer.assign(mean=mean, var=var)
  infer = lambda i, x: net.layers[i].infer(x)
  return {'stored': curve, 'algorithm_2': net.accuracy(test, test_labels, infer)}
