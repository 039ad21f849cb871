"""Messages stay one printable line, whatever they quote."""

import pytest

from bn_repro.run import errors

HOSTILE = ('a\nb', '\x1b[2J', '\u202e', '\udcff', '\0', 'x' * 10**6, 16**10_000, [[]])


@pytest.mark.parametrize('value', HOSTILE, ids=range(len(HOSTILE)))
def test_any_value_is_shown_short_and_printable(value):
  text = errors.shown(value)
  assert text.isprintable()
  assert len(text) <= errors.LONGEST_VALUE + 20


def test_a_short_value_is_shown_whole():
  assert errors.shown('mnist') == "'mnist'"
  assert errors.shown(0.1) == '0.1'


def test_what_is_left_out_is_said():
  assert errors.shown('x' * 998).endswith('... (1,000 characters)')


def test_a_nested_value_that_cannot_be_written():
  value = []
  for _ in range(100_000):
    value = [value]
  assert errors.shown(value) == 'a deeply nested list'


def test_a_text_becomes_one_line():
  assert errors.line('one\n two\r\x1b[2J\udcff \u202e') == (
    'one two \\x1b[2J\\udcff \\u202e'
  )
  assert len(errors.line('x' * 10**6)) <= errors.LONGEST_LINE + 20


def test_bytes_that_are_no_text_are_named():
  """The first argument of such an error is the name of the encoding."""
  with pytest.raises(UnicodeError) as caught:
    b'a\xff'.decode()
  assert "can't decode byte 0xff in position 1" in errors.one_line(caught.value)
