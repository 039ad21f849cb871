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


def mini_batches(epoch, batch, number, shard_size):
  """Those of one epoch, as sets of examples; `batch` divides `number`."""
  order = sampler.epoch_order(3, sampler.TRAINING, epoch, number, shard_size)
  return {frozenset(examples) for examples in order.reshape(-1, batch)}


@settings(deadline=None)
@given(batch=st.integers(2, 8), times=st.integers(1, 5), batches=st.integers(3, 40))
def test_coarse_shuffling_keeps_mini_batches_together(batch, times, batches):
  """The same in every epoch, where the mini-batch divides shard and data set."""
  number = batch * batches
  first, *later = (
    mini_batches(epoch, batch, number, times * batch) for epoch in range(3)
  )
  assert all(epoch == first for epoch in later)
  assert set().union(*first) == set(range(number))


def neighbours(epoch, number, shard_size):
  """The pairs that follow on each other in one epoch."""
  order = sampler.epoch_order(3, sampler.TRAINING, epoch, number, shard_size)
  return set(zip(order[:-1].tolist(), order[1:].tolist()))


@settings(deadline=None)
@given(number=st.integers(1, 200), shard_size=st.integers(1, 50))
def test_coarse_shuffling_keeps_the_neighbours_within_a_shard(number, shard_size):
  """Also where the last shard is shorter; in every epoch each example is once."""
  kept = neighbours(0, number, shard_size) & neighbours(1, number, shard_size)
  assert len(kept) >= number - -(-number // shard_size)
  order = sampler.epoch_order(3, sampler.TRAINING, 1, number, shard_size)
  np.testing.assert_array_equal(np.sort(order), np.arange(number))


def test_coarse_shuffling_moves_the_shards():
  """Two epochs are not the same order, nor are examples dealt as they are stored."""
  first, second = (
    sampler.epoch_order(3, sampler.TRAINING, epoch, 400, 20) for epoch in range(2)
  )
  assert np.any(first != second)
  stored_beside = np.abs(np.diff(first)) == 1
  assert np.mean(stored_beside) < 0.1


def test_thorough_shuffling_keeps_no_company():
  first, second = (mini_batches(epoch, 4, 400, None) for epoch in range(2))
  assert not first & second
  assert len(neighbours(0, 400, None) & neighbours(1, 400, None)) < 10


@settings(deadline=None)
@given(seed=st.integers(0, 99), start=st.integers(0, 50), shard_size=st.integers(1, 30))
def test_a_resumed_coarse_run_sees_the_same_examples(seed, start, shard_size):
  arguments = 7, 20, sampler.TRAINING, shard_size
  whole = sampler.example_indices(seed, range(start + 5), *arguments)
  tail = sampler.example_indices(seed, range(start, start + 5), *arguments)
  np.testing.assert_array_equal(whole[start:], tail)
