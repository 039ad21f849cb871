"""Every picture of a folder is decoded before it is stored, and its kinds are told."""

import importlib
import io
import os

import numpy as np
import pytest
from PIL import Image, ImageCms

from bn_repro.run.errors import UserError
from data.prepared import photograph
from support import PROJECT

pytestmark = pytest.mark.filterwarnings('ignore:.*is not RGB', 'ignore:Corrupt EXIF')
with pytest.MonkeyPatch.context() as patch:  # no longer, as `reliability` is there, too
  patch.syspath_prepend(PROJECT / 'scripts')
  pictures = importlib.import_module('prepare_data_pictures')
  inputs = importlib.import_module('prepare_data_inputs')


def image(seed=0, height=60, width=90):
  return Image.open(io.BytesIO(photograph(seed, height, width)))


def encoded(image, kind='JPEG', **settings) -> bytes:
  file = io.BytesIO()
  image.save(file, kind, **settings)
  return file.getvalue()


def turned(orientation, kind='JPEG') -> bytes:
  exif = Image.Exif()
  exif[0x0112] = orientation
  return encoded(image(), kind, exif=exif, quality=95, subsampling=0)


def animated(kind) -> bytes:
  frames = [image(seed).convert('P') for seed in range(3)]
  return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.fixture
def folder(tmp_path):
  """A function: writes extra pictures of the class cat, and gives the folder."""

  def write(parts=('train', 'validation'), **extra: bytes):
    for seed, part in enumerate(parts):
      for name in ('dog', 'cat'):
        (tmp_path / part / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / part / name / 'good.jpg').write_bytes(photograph(seed, 30, 40))
    for name, data in extra.items():
      (tmp_path / 'train' / 'cat' / name.replace('_', '.')).write_bytes(data)
    return inputs.image_folder(tmp_path)

  return write


LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB')).tobytes()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
KINDS = {
  'sideways': turned(6),
  'grey': encoded(image().convert('L')),
  'CMYK': encoded(image().convert('CMYK')),
  'with a palette': encoded(image().convert('P'), 'PNG'),
  'with a colour profile': encoded(image(), icc_profile=LAB),
  'transparent': encoded(image().convert('RGBA'), 'PNG'),
  'animated': animated('GIF'),
  'several frames': animated('PNG'),
  'PNG': encoded(image(), 'PNG'),
  'GIF': encoded(image().convert('P'), 'GIF'),
  'BMP': encoded(image(), 'BMP'),
}


@pytest.mark.parametrize('kind', KINDS)
def test_how_many_of_a_kind_and_what_becomes_of_them_is_told(folder, capsys, kind):
  made = folder(odd_jpg=KINDS[kind])
  pictures.check(made, 'apply', 'stop')
  said = capsys.readouterr().out
  (line,) = [line for line in said.splitlines() if kind in line.partition('(')[0]]
  assert line.startswith('  1 ')
  assert '(such as train/cat/odd.jpg): ' in line
  assert 'stored' in line.partition('): ')[2]


@pytest.mark.parametrize(
  'data', [photograph(3, 50, 50), turned(1), encoded(image(), icc_profile=SRGB)],
  ids=['plain', 'upright', 'sRGB'],
)  # fmt: skip
def test_nothing_is_told_of_plain_pictures(folder, capsys, data):
  checked = pictures.check(folder(odd_jpg=data), 'apply', 'stop')
  assert capsys.readouterr().out.splitlines() == [
    'checking 5 pictures',
    '5 pictures can be read, from the first byte to the last',
  ]
  assert checked == (frozenset(), frozenset(), True)


BROKEN = {
  'cut JPEG': photograph(1, 200, 300)[:-40],
  'cut in the middle': photograph(1, 200, 300)[:2000],
  'cut PNG': encoded(image(), 'PNG')[:-30],
  'noise behind the start of a JPEG': b'\xff\xd8\xff' + bytes(range(256)),
  'sixteen bits': encoded(Image.fromarray(np.full((8, 8), 999, np.uint16)), 'PNG'),
  'empty': b'',
  'another format': encoded(image(), 'WEBP'),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_what_training_could_not_read_stops_and_is_named(folder, kind):
  made = folder(odd_jpg=BROKEN[kind])
  with pytest.raises(UserError) as caught:
    pictures.check(made, 'apply', 'stop')
  text = str(caught.value)
  assert text.startswith('1 of 5 pictures cannot be read: train/cat/odd.jpg ')
  assert '--on_corrupt=skip' in text and '\n' not in text


@pytest.mark.parametrize('kind', BROKEN)
def test_what_training_could_not_read_is_left_out_and_counted(folder, capsys, kind):
  made = folder(odd_jpg=BROKEN[kind])
  checked = pictures.check(made, 'apply', 'skip')
  assert [path.name for path in checked.left_out] == ['odd.jpg']
  assert '1 cannot, and are left out: train/cat/odd.jpg' in capsys.readouterr().out


def test_a_name_that_could_not_be_stored_is_left_out(folder, tmp_path, capsys):
  """As the error of --on_corrupt=stop advises; TFDS would end with a traceback."""
  made, path = folder(), tmp_path / 'train' / 'cat' / os.fsdecode(b'caf\xe9.jpg')
  path.write_bytes(photograph(2, 30, 40))
  with pytest.raises(UserError, match=r'stored as UTF-8.*skip'):
    inputs.check_images(made)
  assert pictures.check(made, 'apply', 'skip').left_out == {path}
  told = ascii(f'train/cat/{path.name}')
  assert f'the name of {told} is not UTF-8' in capsys.readouterr().out


def test_a_name_that_is_no_plain_text_is_stored(folder, tmp_path):
  """macOS writes a narrow space, which Python does not count as printable."""
  made = folder()
  (tmp_path / 'train' / 'cat' / '3.45\u202fPM.jpg').write_bytes(photograph(2, 30, 40))
  inputs.check_images(made)
  assert not pictures.check(made, 'apply', 'skip').left_out


def test_a_class_of_which_nothing_is_left_is_refused(folder, tmp_path):
  made = folder()
  (tmp_path / 'validation' / 'dog' / 'good.jpg').write_bytes(b'')
  with pytest.raises(UserError, match=r'no picture of .*validation/dog can be read'):
    pictures.check(made, 'apply', 'skip')


def test_odd_files_are_named_in_order_and_not_all_of_many(folder):
  made = folder(**{f'odd{i}_jpg': b'' for i in range(6)})
  with pytest.raises(UserError, match=r'6 of 10 .*odd0.*odd1.*odd3.* and 2 more;'):
    pictures.check(made, 'apply', 'stop')


@pytest.mark.parametrize('orientation', range(2, 9))
@pytest.mark.parametrize('kind', ['JPEG', 'PNG'])
def test_a_sideways_picture_is_stored_upright(folder, tmp_path, orientation, kind):
  """As Pillow shows it, to a rounding of the JPEG; EXIF says nothing any more."""
  made = folder(odd_jpg=turned(orientation, kind))
  path = tmp_path / 'train' / 'cat' / 'odd.jpg'
  assert pictures.check(made, 'apply', 'stop').turned == {path}
  assert pictures.check(made, 'keep', 'stop').turned == frozenset()
  stored = Image.open(io.BytesIO(pictures.upright(path)))
  operation = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
  }[orientation]  # fmt: skip
  expected = Image.open(path).transpose(operation)
  assert stored.format == kind and stored.size == expected.size
  assert not dict(stored.getexif())
  difference = np.abs(np.asarray(stored, float) - np.asarray(expected, float)).mean()
  assert difference <= (1 if kind == 'JPEG' else 0)


def test_a_turned_picture_keeps_its_colour_profile(folder, tmp_path):
  exif = Image.Exif()
  exif[0x0112] = 6
  folder(odd_jpg=encoded(image(), exif=exif, icc_profile=LAB))
  data = pictures.upright(tmp_path / 'train' / 'cat' / 'odd.jpg')
  assert Image.open(io.BytesIO(data)).info['icc_profile'] == LAB


def test_exif_that_makes_no_sense_is_upright(folder):
  """Orientation 77, and EXIF data that are cut."""
  odd = Image.Exif()
  odd[0x0112] = 77
  whole = encoded(image(), exif=odd)
  cut = encoded(image(), exif=b'Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01')
  checked = pictures.check(folder(a_jpg=whole, b_jpg=cut), 'apply', 'stop')
  assert checked.turned == frozenset() and checked.left_out == frozenset()


@pytest.mark.parametrize(
  'there, stored',
  [
    (['validation'], {'validation': 'validation'}),
    (['val'], {'validation': 'val'}),
    (['test'], {'validation': 'test'}),
    (['validation', 'test'], {'validation': 'validation', 'test': 'test'}),
    (['val', 'test'], {'validation': 'val', 'test': 'test'}),
  ],
)
def test_every_part_that_is_there_is_stored(folder, tmp_path, there, stored):
  """Only `test` by itself is called validation, which evaluation takes."""
  made = folder(['train', *there])
  expected = {'train': 'train'} | stored
  assert made.splits == {split: tmp_path / name for split, name in expected.items()}
  assert made.classes == ['cat', 'dog']


def test_classes_that_differ_in_the_third_part_are_refused(folder, tmp_path):
  folder(['train', 'val', 'test'])
  (tmp_path / 'test' / 'dog').rename(tmp_path / 'test' / 'wolf')
  with pytest.raises(UserError, match=r'train and .*test differ: .* dog, .* wolf'):
    inputs.image_folder(tmp_path)
