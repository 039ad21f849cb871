"""Compressed images become the right pixels, or one clear line."""

import functools
import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.datasets import load_sample_images

from bn_repro.data import crops, decode, sources, views
from bn_repro.run.errors import UserError

NAME = 'train example 12 (n01440764_10026.JPEG)'
CORRUPT = r'^train example 12 \(n01440764_10026.JPEG\) is not a readable image: .'


def have_photographs():
  """Whether the ImageNet sample was prepared on this machine."""
  try:
    sources.find_prepared('imagenet_sample')
  except UserError:
    return False
  return True


def compressed(pixels, mode='RGB', kind='JPEG', **settings) -> bytes:
  """An image file of `[h, w, 3]` uint8 in another mode."""
  file = io.BytesIO()
  Image.fromarray(pixels).convert(mode).save(file, kind, **settings)
  return file.getvalue()


@functools.cache
def photograph():
  """A real photograph, `[427, 640, 3]` uint8."""
  return load_sample_images().images[0]


def whole_box(height, width):
  return np.array([0, 0, height, width], np.float32)


def centre(height, width):
  return crops.centre_boxes(np.array([height]), np.array([width]))[0]


def full_decode(data: bytes, box, size: int) -> np.ndarray:
  """The same crop by the plain way: all pixels, then box and size."""
  top, left, height, width = map(float, box)
  edges = (left, top, left + width, top + height)
  image = Image.open(io.BytesIO(data)).convert('RGB')
  return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, edges))


def mean_difference(first, second) -> float:
  return float(np.abs(first.astype('f8') - second.astype('f8')).mean())


@pytest.fixture
def decoded_sizes(monkeypatch):
  """The (width, height) of every image that `read_crop` decoded."""
  sizes = []
  as_rgb = decode._as_rgb

  def recorded(image, name):
    sizes.append(image.size)
    return as_rgb(image, name)

  monkeypatch.setattr(decode, '_as_rgb', recorded)
  return sizes


# Crops, and views of them all.


def boxes_of(views, height, width):
  """Where views lie in the image itself, `[views, 4]`."""
  scale = np.array([[height / view.height, width / view.width] for view in views])
  place = np.array([[view.top, view.left] for view in views]) * scale
  side = np.array([[view.side, view.side] for view in views]) * scale
  return np.concatenate([place, side], axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(427, 640), (640, 427), (400, 400)])
@pytest.mark.parametrize('size', [112, 160])
def test_views_are_the_crops_of_their_boxes(shape, size):
  """Resized twice and rounded between, where a crop is resized once."""
  pixels = photograph() if shape[0] < shape[1] else photograph().swapaxes(0, 1)
  data = compressed(pixels[: shape[0], : shape[1]], kind='PNG')
  choose = functools.partial(views.views, size=size)
  found = decode.read_views(data, choose, size, NAME)
  assert found.shape == (72, size, size, 3)
  assert found.dtype == np.uint8
  for view, box in zip(found, boxes_of(choose(*shape), *shape)):
    crop = decode.read_crop(data, lambda *_, b=box: b, size, NAME)
    assert mean_difference(view, crop) < 3


def test_views_of_one_size_are_cut_out_of_one_image():
  """Where two of them overlap, to the bit."""
  data = compressed(photograph())
  corners = [views.View(146, 219, top, 40, 112) for top in (0, 34)]
  upper, lower = decode.read_views(data, lambda *_: corners, 112, NAME)
  assert_array_equal(upper[34:], lower[:-34])


@pytest.mark.parametrize(('size', 'reduction'), [(136, 1), (135, 2), (67, 4), (33, 8)])
def test_views_are_decoded_no_larger_than_their_largest_size_needs(
  size, reduction, decoded_sizes
):
  """Which is 352 / 224 of the crop: 214 of 427 pixels for a crop of 136."""
  choose = functools.partial(views.views, size=size)
  data = compressed(photograph())
  found = decode.read_views(data, choose, size, NAME)
  assert decoded_sizes.pop() == (-(-640 // reduction), -(-427 // reduction))
  plain = decode.read_views(compressed(photograph(), kind='PNG'), choose, size, NAME)
  assert mean_difference(found, plain) < 4


def test_views_of_a_broken_image():
  with pytest.raises(decode.CorruptImage, match=CORRUPT):
    choose = functools.partial(views.views, size=10)
    decode.read_views(compressed(photograph())[:5000], choose, 10, NAME)


def test_a_crop_at_full_scale_is_the_plain_one():
  """To the bit, where no smaller scale keeps `size` pixels."""
  data = compressed(photograph())
  box = np.array([20.5, 100.25, 300.75, 333.5], np.float32)
  asked = []

  def choose_box(height, width):
    asked.append((height, width))
    return box

  found = decode.read_crop(data, choose_box, 224, NAME)
  assert asked == [(427, 640)]
  assert found.shape == (224, 224, 3)
  assert found.dtype == np.uint8
  assert_array_equal(found, full_decode(data, box, 224))


@pytest.mark.parametrize(
  ('side', 'size', 'reduction'),
  [(128, 128, 1), (255, 128, 1), (256, 128, 2), (256, 64, 4), (256, 65, 2),
   (256, 32, 8), (427, 32, 8), (64, 128, 1)],
)  # fmt: skip
def test_the_scale_is_the_smallest_that_keeps_size_pixels(
  side, size, reduction, decoded_sizes
):
  box = np.array([0, 0, side, side], np.float32)
  decode.read_crop(compressed(photograph()), lambda *_: box, size, NAME)
  # Rounded up: 427 is odd.
  assert decoded_sizes.pop() == (-(-640 // reduction), -(-427 // reduction))
  # Another format has no such scales.
  decode.read_crop(compressed(photograph(), kind='PNG'), lambda *_: box, size, NAME)
  assert decoded_sizes.pop() == (640, 427)


@pytest.mark.parametrize('height', range(97, 105))
def test_a_reduced_decode_is_not_shifted(height):
  """Whatever remains when the size is divided by the reduction, at both ends.

  A ramp of 21 a pixel: taking 97 / 13 for the reduction 8 would be off by 17.
  """
  ramp = np.linspace(0, 255, height).round().astype(np.uint8)
  pixels = np.tile(ramp[:, None, None], (1, height, 3))
  data = compressed(pixels, quality=100)
  box = whole_box(height, height)
  for turned in (data, compressed(pixels.swapaxes(0, 1), quality=100)):
    found = decode.read_crop(turned, whole_box, 12, NAME)
    assert np.abs(found.astype('f8') - full_decode(turned, box, 12)).max() <= 3


def test_a_box_may_leave_the_image_by_rounding():
  """0.7 + 99.3 is 100.000003 once both are float32."""
  box = np.array([0.7, 0, 99.3, 100], np.float32)
  data = compressed(photograph()[:100, :100])
  found = decode.read_crop(data, lambda *_: box, 90, NAME)
  assert_array_equal(found, full_decode(data, (0.7, 0, 99.3, 100), 90))


def test_a_small_image_is_enlarged():
  pixels = photograph()[:20, :30]
  data = compressed(pixels)
  found = decode.read_crop(data, whole_box, 64, NAME)
  assert_array_equal(found, full_decode(data, (0, 0, 20, 30), 64))
  one = compressed(pixels[:1, :1])
  assert decode.read_crop(one, centre, 64, NAME).shape == (64, 64, 3)


@settings(deadline=None, max_examples=50)
@given(
  height=st.integers(1, 300), width=st.integers(1, 300), size=st.integers(1, 64),
  seed=st.integers(0, 99),
)  # fmt: skip
def test_random_crops_of_any_size_are_read(height, width, size, seed):
  """No box leaves its image, reduced or not, whatever is rounded."""
  data = compressed(np.full((height, width, 3), (200, 90, 30), np.uint8))
  uniforms = crops.uniforms_of(seed, 0, 1)

  def choose_box(height, width):
    return crops.random_boxes(uniforms, np.array([height]), np.array([width]))[0]

  found = decode.read_crop(data, choose_box, size, NAME)
  assert np.abs(found.astype(int) - (200, 90, 30)).max() <= 3


@pytest.mark.slow
@pytest.mark.skipif(not have_photographs(), reason='imagenet_sample is not prepared')
@pytest.mark.parametrize('size', [112, 64, 32])
def test_a_reduced_decode_is_the_full_one_on_500_photographs(size):
  """Mean absolute difference, of 255; centre crops and whole images, all shapes.

  The DCT's reduction is sharper than a triangle filter, about as Lanczos's is. So:
  below 3 over all photographs, and each nearer than with its top left corner one
  pixel off, which moves the others by half a pixel in the mean.
  """
  differences = []
  for name, data in photographs():
    for choose_box in (centre, whole_box):
      found = decode.read_crop(data, choose_box, size, name)
      box = choose_box(*size_of(data))
      expected, moved = full_decode(data, box, size), corner_off(data, box, size)
      differences.append(mean_difference(found, expected))
      assert differences[-1] < mean_difference(moved, expected) / 1.3, name
  assert len(differences) == 1000
  assert np.mean(differences) < 3


def corner_off(data, box, size):
  """The full decode with the box's top left corner a pixel of the result inside."""
  shift = box[2:] / size
  return full_decode(data, (*(box[:2] + shift), *(box[2:] - shift)), size)


def photographs():
  """(name, JPEG file) of every photograph of the sample."""
  import tensorflow_datasets as tfds

  builder = tfds.builder_from_directory(sources.find_prepared('imagenet_sample'))
  decoders = {'image': tfds.decode.SkipDecoding()}
  for record in builder.as_data_source('validation', decoders=decoders):
    yield record['file_name'].decode(), record['image']


def size_of(data):
  """Height and width."""
  return Image.open(io.BytesIO(data)).size[::-1]


# Colours.


def test_a_cmyk_jpeg_has_its_colours():
  """Pillow stores CMYK inverted, as Adobe does; forgetting it gives a negative."""
  pixels = photograph()
  data = compressed(pixels, 'CMYK', quality=95)
  assert Image.open(io.BytesIO(data)).mode == 'CMYK'
  with pytest.warns(UserWarning, match=r'n01440764_10026.* is not RGB but CMYK'):
    found = decode.read_whole(data, NAME)
  assert mean_difference(found, pixels) < 4
  # At a reduced scale too.
  small = decode.read_crop(data, whole_box, 64, NAME)
  plain = full_decode(compressed(pixels), (0, 0, 427, 640), 64)
  assert mean_difference(small, plain) < 4


def test_grey_has_three_equal_channels_and_is_reported():
  data = compressed(photograph(), 'L')
  with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    for _ in range(3):
      found = decode.read_crop(data, centre, 64, NAME)
  assert len({warning.message.kind for warning in caught}) == 1
  assert 'is not RGB but L' in str(caught[0].message)
  assert '\n' not in str(caught[0].message)
  assert_array_equal(found[..., 0], found[..., 1])
  assert_array_equal(found[..., 0], found[..., 2])


@pytest.mark.filterwarnings('ignore:.*is not RGB')
@pytest.mark.parametrize(
  ('kind', 'mode', 'tolerance'),
  [('PNG', 'RGB', 0), ('PNG', 'RGBA', 0), ('BMP', 'RGB', 0), ('PNG', 'P', 20),
   ('GIF', 'P', 20), ('PNG', '1', 128)],
)  # fmt: skip
def test_other_formats_and_modes_are_read(kind, mode, tolerance):
  data = compressed(photograph(), mode, kind)
  found = decode.read_whole(data, NAME)
  assert found.shape == (427, 640, 3)
  assert found.dtype == np.uint8
  assert mean_difference(found, photograph()) <= tolerance


@pytest.mark.filterwarnings('ignore:.*is not RGB')
def test_a_transparent_palette_is_read_in_silence():
  """Pillow itself would warn at every such image."""
  data = compressed(photograph(), 'P', 'PNG', transparency=bytes(range(256)))
  with warnings.catch_warnings():
    warnings.filterwarnings('error', message='Palette')
    assert decode.read_whole(data, NAME).shape == (427, 640, 3)


def test_exif_orientation_is_not_applied():
  exif = Image.Exif()
  exif[0x0112] = 6
  data = compressed(photograph(), exif=exif)
  assert decode.read_whole(data, NAME).shape == (427, 640, 3)


# Bytes that are not an image.


@pytest.mark.filterwarnings('ignore:.*is not RGB')
@pytest.mark.parametrize(
  ('kind', 'mode', 'settings'),
  [('JPEG', 'RGB', {}), ('JPEG', 'RGB', {'progressive': True}), ('JPEG', 'CMYK', {}),
   ('PNG', 'RGB', {}), ('GIF', 'P', {}), ('BMP', 'RGB', {})],
)  # fmt: skip
def test_a_truncated_file_is_refused_wherever_it_ends(kind, mode, settings):
  data = compressed(photograph()[:100, :150], mode, kind, **settings)
  # The last bytes may say only that the image is over: two of them in a JPEG.
  last = len(data) - 3 if kind == 'JPEG' else len(data) * 9 // 10
  for end in [*range(0, last, 97), last]:
    with pytest.raises(decode.CorruptImage, match=CORRUPT) as caught:
      decode.read_crop(data[:end], whole_box, 64, NAME)
    assert '\n' not in str(caught.value)
    with pytest.raises(decode.CorruptImage, match=CORRUPT):
      decode.read_whole(data[:end], NAME)


@given(data=st.binary(max_size=200), start=st.sampled_from([b'', b'\xff\xd8\xff']))
def test_random_bytes_are_refused(data, start):
  with pytest.raises(decode.CorruptImage, match=CORRUPT):
    decode.read_crop(start + data, whole_box, 8, NAME)


@pytest.mark.filterwarnings('ignore')
@settings(deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_read_or_refused(place, flip):
  """A JPEG has no checksum; what cannot be noticed is decoded."""
  data = bytearray(compressed(photograph()[:60, :80]))
  data[int(place * len(data))] ^= flip
  try:
    found = decode.read_crop(bytes(data), centre, 32, NAME)
  except decode.CorruptImage as error:
    assert str(error).startswith(NAME)
  else:
    assert found.shape == (32, 32, 3)


def test_sixteen_bits_are_refused_rather_than_cut():
  file = io.BytesIO()
  Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(file, 'PNG')
  with pytest.raises(decode.CorruptImage, match='pixels of kind I'):
    decode.read_whole(file.getvalue(), NAME)


def test_a_decompression_bomb_is_refused(monkeypatch):
  data = compressed(photograph())
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
  with pytest.raises(decode.CorruptImage, match='exceeds limit'):
    decode.read_whole(data, NAME)


def test_a_mistake_in_the_choice_of_a_box_keeps_its_own_name():
  def choose_box(height, width):
    raise KeyError('mistake')

  with pytest.raises(KeyError, match='mistake'):
    decode.read_crop(compressed(photograph()), choose_box, 8, NAME)
