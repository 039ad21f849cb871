"""Builds a data set with TFDS; prepare_data.py runs this in its own environment.

python scripts/prepare_data_builders.py catalogue NAME DATA_DIR [ARCHIVES]
python scripts/prepare_data_builders.py folder NAME DATA_DIR IMAGES [OPTION]...
python scripts/prepare_data_builders.py squares NAME DATA_DIR SOURCE

The options of folder are the values of --orientation and --on_corrupt, in this order;
without them the pictures are stored unchecked, as they are.
TFDS writes into a directory of another name beside the final one, the file
dataset_info.json last, and renames it at the end. A full disk or any other error
removes that directory. A killed process leaves it, without dataset_info.json: what
looks for prepared data sets does not take it for one, and it may be deleted.
"""

import difflib
import gc
import importlib.util
import io
import sys
import textwrap
import warnings
from pathlib import Path

import project  # noqa: F401
import tensorflow_datasets as tfds
from prepare_data_inputs import (
  VERSION,
  ImageFolder,
  UserError,
  image_folder,
  images_of,
  listed,
)
from requests.exceptions import RequestException
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from bn_repro.data import digests, features  # need no more than TFDS does
from bn_repro.run import damage, errors, notices
from bn_repro.run.errors import MachineError, leave

FILE_FORMAT = 'array_record'
SIDE = 160  # pixels of squares
QUALITY = 85  # of their JPEGs


class FolderBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """The images of class folders, their bytes as they are but for those turned."""

  VERSION = tfds.core.Version(VERSION)

  def __init__(self, folder: ImageFolder, checked: tuple | None, **options):
    """Takes what `prepare_data_pictures.check` gave; None where nothing was checked."""
    self._folder = folder
    self._left_out, self._turned, is_jpeg = checked or ((), (), True)
    self._format = 'jpeg' if is_jpeg else None
    super().__init__(**options)

  def _info(self) -> tfds.core.DatasetInfo:
    return _info_of(
      self,
      'A folder of class folders, by scripts/prepare_data.py.',
      image=tfds.features.Image(encoding_format=self._format),
      label=tfds.features.ClassLabel(names=self._folder.classes),
      file_name=tfds.features.Text(),
    )

  def _split_generators(self, dl_manager):
    del dl_manager  # nothing to download
    return {
      name: self._generate_examples(directory)
      for name, directory in self._folder.splits.items()
    }

  def _generate_examples(self, directory: Path):
    for label in self._folder.classes:
      for path in images_of(directory / label):
        if path in self._left_out:
          continue
        # With the class: alone it need not be unique.
        file_name = f'{label}/{path.name}'
        image = self._image(path)
        yield file_name, {'image': image, 'label': label, 'file_name': file_name}

  def _image(self, path: Path) -> Path | io.BytesIO:
    """What keeps the bytes, as an array would not."""
    if path not in self._turned:
      return path
    from prepare_data_pictures import upright

    return io.BytesIO(upright(path))


class SquaresBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """The central squares of another data set's images, all of `SIDE` pixels."""

  VERSION = tfds.core.Version(VERSION)

  def __init__(self, source: tfds.core.DatasetBuilder, **options):
    self._source = source
    super().__init__(**options)

  def _info(self) -> tfds.core.DatasetInfo:
    return _info_of(
      self,
      f'Squares of {self._source.info.full_name}, by scripts/prepare_data.py.',
      image=tfds.features.Image(shape=(SIDE, SIDE, 3), encoding_format='jpeg'),
      label=self._source.info.features['label'],
    )

  def _split_generators(self, dl_manager):
    del dl_manager  # the source has its own
    _build(self._source)
    return {name: self._generate_examples(name) for name in self._source.info.splits}

  def _generate_examples(self, split: str):
    decoders = {'image': tfds.decode.SkipDecoding()}
    source = self._source.as_data_source(split, decoders=decoders)
    for number, record in enumerate(source):
      image = io.BytesIO(square(record['image']))
      yield number, {'image': image, 'label': record['label']}


def _info_of(builder, description: str, **features) -> tfds.core.DatasetInfo:
  return tfds.core.DatasetInfo(
    builder=builder,
    description=description,
    features=tfds.features.FeaturesDict(features),
    supervised_keys=('image', 'label'),
  )


def square(data: bytes) -> bytes:
  """The central square of a JPEG, as a JPEG of `SIDE` pixels.

  An image whose shorter side is `SIDE`, as those of imagenette/160px-v2, is only cut.
  """
  import tensorflow as tf  # late, as TFDS does: it writes to stderr

  image = tf.io.decode_jpeg(data, channels=3)
  side = int(min(image.shape[:2]))
  image = tf.image.resize_with_crop_or_pad(image, side, side)
  if side != SIDE:
    image = tf.image.resize(image, (SIDE, SIDE), antialias=True)
  image = tf.saturate_cast(tf.round(tf.cast(image, tf.float32)), tf.uint8)
  return tf.io.encode_jpeg(image, quality=QUALITY).numpy()


def squares_builder(name: str, data_dir: str, source: str):
  """A builder of squares of a data set of the catalogue, which is built first."""
  SquaresBuilder.name = name
  return SquaresBuilder(catalogue_builder(source, data_dir, ''), data_dir=data_dir)


def folder_builder(
  name: str, data_dir: str, images: str, orientation: str = '', on_corrupt: str = ''
):
  """A builder of the folder's images as the data set `name`.

  `orientation` and `on_corrupt` are those of `prepare_data_pictures.check`; without
  them, nothing is checked.
  """
  if name in tfds.list_builders(with_community_datasets=False):
    raise UserError(f'--name={name} is in the catalogue of TFDS; choose another --name')
  folder = image_folder(Path(images))
  numbered = ', '.join(f'{label} {each}' for label, each in enumerate(folder.classes))
  print(textwrap.fill(f'classes by label: {numbered}', 88, break_long_words=False))
  FolderBuilder.name = name
  return FolderBuilder(
    folder, _checked(folder, orientation, on_corrupt), data_dir=data_dir
  )


def _checked(folder: ImageFolder, orientation: str, on_corrupt: str) -> tuple | None:
  if not orientation:
    return None
  if not importlib.util.find_spec('PIL'):  # an environment of an earlier version
    return print('note: pictures are not checked, for want of Pillow in this Python')
  from prepare_data_pictures import check

  return check(folder, orientation, on_corrupt)


def catalogue_builder(name: str, data_dir: str, archives: str):
  """TFDS's own builder of that name."""
  try:
    builder = tfds.builder(name, data_dir=data_dir)
  except tfds.core.registered.DatasetNotFoundError as error:
    names = tfds.list_builders(with_community_datasets=False)
    close = ' or '.join(difflib.get_close_matches(name, names))
    raise UserError(
      f'{name} is not in the catalogue of TFDS{close and f" (did you mean {close}?)"}; '
      'images of your own are prepared with `folder --images=DIR --name=NAME`'
    ) from error
  except (AssertionError, ValueError) as error:
    base = name.partition('/')[0].partition(':')[0]
    there = listed([*tfds.builder_cls(base).builder_configs]) or 'none'
    text = f'{_one_line(error)} (configurations of {base}: {there})'
    raise UserError(f'{name}: {text}') from error
  if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and not archives:
    needed = _one_line(builder.MANUAL_DOWNLOAD_INSTRUCTIONS)
    raise UserError(f'{name} needs --archives=DIR, the manual_dir of this: {needed}')
  features.of(name, builder.info)  # refuses what training could not read
  return builder


def _one_line(text) -> str:
  return ' '.join(str(text).split())


def check_target(builder) -> None:
  """Refuses a place that holds anything but a whole data set in the right format.

  TFDS would leave it and say nothing.
  """
  path = Path(builder.data_path)
  if not path.exists():
    return
  if not (path / 'dataset_info.json').exists():
    raise UserError(f'{path} is there and holds no whole data set; delete it')
  file_format = builder.info.file_format.value
  if file_format != FILE_FORMAT:
    raise UserError(
      f'{path} was prepared as {file_format} and stays as it is; move it away or '
      f'choose another --data_dir to have it as {FILE_FORMAT}'
    )


def prepare(
  kind: str, name: str, data_dir: str, source: str = '', *options: str
) -> None:
  """Builds one data set, unless it is there, and says what is in it."""
  makers = {
    'catalogue': catalogue_builder, 'folder': folder_builder, 'squares': squares_builder
  }  # fmt: skip
  builder = makers[kind](name, data_dir, source, *options)
  _build(builder, manual_dir=source if kind == 'catalogue' and source else None)
  if configuration := builder.builder_config:
    name = f'{builder.name}/{configuration.name}'  # if it was not given: the first
  label = features.of(name, builder.info)
  print(f'{name}: {label.num_classes or "unnumbered"} classes')
  for split, information in builder.info.splits.items():
    print(f'{name}: {information.num_examples:,} examples in {split}')
  digests.keep_beside(Path(builder.data_path), f'*.{FILE_FORMAT}-*', name)


def _build(builder, manual_dir: str | None = None) -> None:
  check_target(builder)
  builder.download_and_prepare(
    file_format=FILE_FORMAT,
    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir),
  )


def main() -> None:
  notices.keep_quiet()
  # Of pictures that are not RGB the report says how many there are.
  warnings.simplefilter('ignore', notices.Notice)
  failure = _failure()
  # The frames of an error hold bars of TFDS, which would wipe the line when they end.
  gc.collect()
  if failure:
    leave(*failure)


def _failure() -> tuple[str, int] | None:
  """Prepares; what went wrong in one line, and the exit code."""
  try:
    return prepare(*sys.argv[1:])
  except (UserError, MachineError) as error:
    return f'error: {error}', error.exit_code
  except (RequestException, NonMatchingChecksumError) as error:
    return f'error: a download failed: {_one_line(error)}', 1
  except KeyboardInterrupt:
    sys.exit(130)  # what called this says so
  except MemoryError as error:
    return f'error: {errors.of_machine(error)}', MachineError.exit_code
  except Exception as error:  # array_record reports a full disk as a RuntimeError
    if not damage.system_error(error):
      raise
    said = (
      f'error: the data set could not be stored: {damage.reason(error)}; the same call '
      'of prepare_data.py tries again once that is repaired'
    )
    return said, MachineError.exit_code


if __name__ == '__main__':
  main()
