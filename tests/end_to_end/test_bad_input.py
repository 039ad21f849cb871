"""A mistake about the networks of section 4.2 is answered in one line, code 2."""

import pytest

import forked
from data.prepared import NUM_CLASSES, examples, is_prepared, prepare
from support import program


def answer(tmp_path, *flags, **environment) -> str:
  """The one line on stderr of a command that must fail with exit code 2."""
  result = program(*flags, f'--workdir={tmp_path / "run"}', **environment)
  assert result.returncode == 2, result.stderr
  assert result.stderr.startswith('error: ')
  (line,) = result.stderr.splitlines()
  return line


@pytest.mark.parametrize(
  'flags, expected',
  [
    (['bn_x5.py:nix'], "no data set 'nix'; there are imagenet2012, imagenette,"),
    (['ensemble.py:7'], "no member '7'; there are 1, 2, 3, 4, 5, 6"),
    (['bn_x5.py:digits', 'model.pool_projection_4cd=100'], 'is not one of 96, 128'),
    (['bn_x5.py:digits', 'model.stem=large'], 'is not one of figure5, small'),
    (['bn_x5.py:digits', 'model.nonlinearity=tanh'], 'is not one of relu, sigmoid'),
    (['bn_x5.py:digits', 'model.normalization_group=1'], 'or at least 2'),
    (['bn_x5.py:digits', 'gradient_accumulation=5'], 'cannot be taken in'),
    (['bn_x5.py:digits', 'train_for=100'], 'is not a duration such as "100 steps"'),
    (['bn_x5.py:digits', 'num_classes=10'], "the config has no field 'num_classes'"),
    (['bn_x5.py:digits', 'variant.placement=after'], "only a config of 'mlp' has it"),
  ],
)
def test_a_config_without_sense(tmp_path, flags, expected):
  config, *overrides = flags
  line = answer(
    tmp_path, f'--config=configs/{config}', *(f'--config.{o}' for o in overrides)
  )
  assert expected in line


@pytest.mark.slow
@pytest.mark.parametrize(
  'overrides, expected',
  [
    (['batch_size=30'], 'batch_size=30 cannot be split over 4 devices'),
    (['model.normalization_group=24'], 'normalization_group=24 does not divide'),
    (['dataset.num_classes=7'], 'num_classes=7, but digits has 10 classes'),
    (['dataset.size=9'], 'images of 8x8 are smaller than the crop'),
  ],
)
def test_a_config_that_does_not_fit_devices_or_data(tmp_path, overrides, expected):
  flags = (f'--config.{override}' for override in overrides)
  four = {'XLA_FLAGS': '--xla_force_host_platform_device_count=4'}
  line = answer(tmp_path, '--config=configs/bn_x5.py:digits', *flags, **four)
  assert expected in line


@pytest.mark.slow
def test_a_data_set_that_is_not_prepared(tmp_path):
  line = answer(
    tmp_path, '--config=configs/bn_x30.py:imagenette', TFDS_DATA_DIR=str(tmp_path)
  )
  assert 'prepare_data.py imagenette/full-size-v2`' in line


@pytest.mark.skipif(
  not is_prepared('imagenette_160'), reason='imagenette_160 is not prepared here'
)
@pytest.mark.parametrize(
  'override, expected',
  [
    ('num_classes=1000', 'but imagenette_160 has 10 classes; set it to 10'),
    pytest.param(
      'size=200',
      'images of 160x160 are smaller than the crop, config.dataset.size=200',
      marks=pytest.mark.slow,  # all images are read first
    ),
  ],
)
def test_a_config_that_does_not_fit_a_prepared_data_set(tmp_path, override, expected):
  line = answer(
    tmp_path,
    '--config=configs/bn_x5.py:imagenette_160',
    f'--config.dataset.{override}',
  )
  assert expected in line


def test_processes_are_named_whole_or_not_at_all(tmp_path):
  line = answer(tmp_path, '--config=configs/bn_x5.py:digits', '--coordinator=here:1')
  assert '--coordinator, --num_processes and --process_id together' in line


@pytest.mark.parametrize(
  'batch_size, parts', [(32, 8), pytest.param(24, 2, marks=pytest.mark.slow)]
)
def test_parts_that_do_not_divide_over_the_devices(tmp_path, batch_size, parts):
  """Each of 8 devices would take 4 examples in 8 parts, or 3 in 2."""
  line = answer(
    tmp_path,
    '--config=configs/bn_x5.py:digits',
    f'--config.batch_size={batch_size}',
    f'--config.gradient_accumulation={parts}',
    '--config.model.normalization_group=0',
    XLA_FLAGS='--xla_force_host_platform_device_count=8',
  )
  assert 'gradient_accumulation' in line


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  """One data set whose fourth training image ends too early."""
  data_dir = tmp_path_factory.mktemp('data')
  prepare(data_dir, 'broken', examples(60, broken=[3]), examples(5))
  return data_dir


def on_a_broken_image(feed, workers):
  """Flags of a run that comes to it."""
  return (
    '--config=configs/bn_x5.py:digits',
    '--config.dataset.name=broken',
    '--config.dataset.size=16',
    f'--config.dataset.num_classes={NUM_CLASSES}',
    f'--config.dataset.feed={feed}',
    f'--config.dataset.workers={workers}',
  )


BROKEN = 'error: train example 3 (3.jpg) is not a readable image: '


@pytest.mark.slow
@pytest.mark.parametrize('feed', ['resident', 'stream'])
def test_a_broken_image(tmp_path, data_dir, feed):
  flags = on_a_broken_image(feed, 0)
  line = answer(tmp_path, *flags, TFDS_DATA_DIR=str(data_dir), **forked.QUICK)
  assert line.startswith(BROKEN)
  assert '--config.dataset.on_corrupt=skip' in line


@pytest.mark.slow
def test_a_broken_image_in_another_process(tmp_path, data_dir):
  """Grain and Python's resource tracker add lines of their own to ours."""
  flags = (*on_a_broken_image('stream', 2), f'--workdir={tmp_path / "run"}')
  result = program(*flags, TFDS_DATA_DIR=str(data_dir), **forked.QUICK)
  assert result.returncode == 2
  ours = [line for line in result.stderr.splitlines() if line.startswith('error: ')]
  assert len(ours) == 1 and ours[0].startswith(BROKEN)
