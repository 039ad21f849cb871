"""The examples of a step are a pure function of seed and step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_repro.data import sampler

SIZES = st.integers(1, 40)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), batch=SIZES, number=SIZES, epochs=SIZES)
def test_every_epoch_takes_every_example_once(seed, batch, number, epochs):
  steps = range(-(-epochs * number // batch))
  stream = sampler.example_indices(seed, steps, batch, number).ravel()
  for epoch in range(epochs):
    of_epoch = stream[epoch * number : (epoch + 1) * number]
    np.testing.assert_array_equal(np.sort(of_epoch), np.arange(number))


@settings(deadline=None)
@given(seed=st.integers(0, 99), start=st.integers(0, 50), length=st.integers(1, 30))
def test_a_resumed_run_sees_the_same_examples(seed, start, length):
  whole = sampler.example_indices(seed, range(start + length), 7, 20)
  tail = sampler.example_indices(seed, range(start, start + length), 7, 20)
  np.testing.assert_array_equal(whole[start:], tail)


def test_seeds_streams_and_epochs_have_orders_of_their_own():
  orders = {
    tuple(sampler.epoch_order(seed, stream, epoch, 100))
    for seed in (0, 1)
    for stream in (sampler.TRAINING, sampler.POPULATION)
    for epoch in (0, 1)
  }
  assert len(orders) == 8


def test_shape_and_dtype():
  indices = sampler.example_indices(0, range(3, 8), 60, 1437)
  assert indices.shape == (5, 60)
  assert indices.dtype == np.int32
