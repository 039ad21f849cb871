"""results/index.html in a real browser: no request, right numbers, usable by keyboard.

Needs the extra `browser` and Chromium: $CHROME_BIN, one on the path, or Playwright's.
"""

import json
import os
import shutil

import pytest

from support import PROJECT

playwright = pytest.importorskip(
  'playwright.sync_api', reason='needs pip install -e .[browser]'
)
PAGE = PROJECT / 'results' / 'index.html'
NAMES = ('chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome')


def chromium(browsers):
  """The path of Chromium; skips without one."""
  named = [os.environ.get('CHROME_BIN'), *map(shutil.which, NAMES)]
  for path in (*named, browsers.chromium.executable_path):
    if path and os.path.exists(path):
      return path
  pytest.skip('no Chromium: apt-get install chromium, or set CHROME_BIN')


@pytest.fixture(scope='module')
def browser():
  with playwright.sync_playwright() as browsers:
    options = ['--no-sandbox'] if os.geteuid() == 0 else []
    opened = browsers.chromium.launch(
      executable_path=chromium(browsers), args=options, timeout=120_000
    )
    yield opened
    opened.close()


@pytest.fixture(scope='module')
def seen():
  """What a page asked for, and what went wrong in it."""
  return {'requests': [], 'errors': []}


@pytest.fixture(scope='module')
def page(browser, seen):
  opened = browser.new_page(viewport={'width': 1000, 'height': 900})
  opened.set_default_timeout(120_000)
  opened.on('request', lambda request: seen['requests'].append(request.url))
  opened.on('pageerror', lambda error: seen['errors'].append(str(error)))
  opened.on(
    'console',
    lambda line: line.type == 'error' and seen['errors'].append(line.text),
  )
  opened.goto(PAGE.as_uri())
  return opened


@pytest.fixture(scope='module')
def claims():
  return json.loads((PAGE.parent / 'claims.json').read_text())


def data_of(page):
  return json.loads(page.text_content('#data'))


def test_it_loads_without_an_error_or_a_request(page, seen):
  assert seen == {'requests': [PAGE.as_uri()], 'errors': []}
  for chart in ('curve', 'target', 'change', 'grid'):
    assert page.locator(f'#{chart}-chart svg[role=img][aria-label]').count() == 1


def test_the_slider_shows_the_numbers_of_the_table_made_beforehand(page, claims):
  """And, where a claim has the same target, those of claims.json."""
  targets = json.loads(page.inner_text('#data') or page.text_content('#data'))[
    'targets'
  ]
  slider = page.locator('#target-input')
  for percent, rows in targets.items():
    slider.fill(percent)
    shown = page.evaluate(
      "[...document.querySelectorAll('#target-table tbody tr')].map("
      '(row) => [...row.cells].slice(1).map((cell) => cell.textContent))'
    )
    names = ('text', 'steps', 'reached', 'seeds')
    assert shown == [[row[name] for name in names] for row in rows], percent
  slider.fill('75')
  cell = page.locator('#target-table tr[data-network=bn_x5] td').first
  (claim,) = (claim for claim in claims if claim['number'] == 10)
  numbers = [claim[name] for name in ('value', 'low', 'high')]
  assert cell.inner_text() == '{:.2f} ({:.2f} to {:.2f})'.format(*numbers)


def test_the_slider_moves_by_key(page):
  slider = page.locator('#target-input')
  slider.fill('75')
  slider.press('ArrowLeft')
  assert page.inner_text('#target-value') == '74 %'
  assert slider.get_attribute('aria-valuetext') == '74 percent accuracy'


def test_filters_count_right(page, claims):
  for verdict in sorted({claim['verdict'] for claim in claims}):
    page.select_option('[name=verdict]', verdict)
    some = [claim for claim in claims if claim['verdict'] == verdict]
    numbers = {claim['number'] for claim in some}
    assert page.locator('.claim:visible').count() == len(some)
    assert page.inner_text('#claim-count') == (
      f'{len(some)} of {len(claims)} entries, on {len(numbers)} of 30 claims'
    )
  page.select_option('[name=verdict]', 'contradicted')
  page.select_option('[name=sections]', 'figure 3')
  page.select_option('[name=networks]', 'BN-x5')
  keys = page.locator('.claim:visible').evaluate_all(
    '(all) => all.map((claim) => claim.dataset.key)'
  )
  assert keys == ['10', '13b']
  page.click('#claim-filters button')
  # The form is cleared after the click was handled.
  playwright.expect(page.locator('.claim:visible')).to_have_count(len(claims))


def test_an_open_claim_shows_its_interval_and_figure(page, seen, claims):
  page.focus('[id="claim-9"] summary')
  page.keyboard.press('Enter')
  claim = page.locator('[id="claim-9"]')
  claim.locator('figure img').wait_for()
  page.wait_for_function(
    'document.querySelector(\'[id="claim-9"] img\').naturalWidth > 0'
  )
  (entry,) = (entry for entry in claims if entry['number'] == 9)
  label = claim.locator('.interval svg').get_attribute('aria-label')
  assert f'{entry["value"]:.3g}' in label
  text = claim.inner_text()
  for words in ('> 2 times', 'inception/networks.json', 'python scripts/sweep.py'):
    assert words in text
  others = [url for url in seen['requests'][1:] if not url.startswith('blob:')]
  assert (others, seen['errors']) == ([], [])


@pytest.mark.parametrize('seeds', ['single', 'band'])
def test_the_curves_are_drawn_for_each_choice(page, seeds):
  """A line for each seed or network, on every axis."""
  networks = data_of(page)['networks']
  of_each = [network['seeds'] if seeds == 'single' else 1 for network in networks]
  page.check(f'[name=seeds][value={seeds}]')
  for axis in ('images', 'hours', 'steps'):
    for scale in ('linear', 'log'):
      page.check(f'[name=axis][value={axis}]')
      page.check(f'[name=scale][value={scale}]')
      chart = page.locator('#curve-chart')
      assert f'{axis} →' in chart.text_content()
      assert chart.locator('g[aria-label=line] path').count() == sum(of_each)


FOCUSED = """(() => {
  const e = document.activeElement;
  const label = e.labels?.length || e.textContent.trim().length || !!e.ariaLabel;
  return [e.name || e.id || e.className, label, getComputedStyle(e).outlineStyle];
})()"""


def test_every_control_is_reached_by_tab_has_a_name_and_shows_its_focus(page):
  page.reload()  # a click elsewhere would be where Tab begins
  reached = []
  for _ in range(40):
    page.keyboard.press('Tab')
    reached.append(page.evaluate(FOCUSED))
  names = [name for name, *_ in reached]
  wanted = ['axis', 'scale', 'seeds', 'curves', 'network', 'target-input', 'verdict',
            'sections', 'networks']  # fmt: skip
  assert [name for name in dict.fromkeys(names) if name in wanted] == wanted
  for name, label, outline in reached:
    assert label and outline != 'none', name


@pytest.mark.parametrize('scheme, is_dark', [('light', False), ('dark', True)])
def test_it_fits_400_pixels_in_both_schemes(page, scheme, is_dark):
  page.emulate_media(color_scheme=scheme)
  page.set_viewport_size({'width': 400, 'height': 800})
  page.wait_for_function('document.documentElement.scrollWidth <= 400')
  ground = page.evaluate('getComputedStyle(document.body).backgroundColor')
  (red, *_) = (int(part) for part in ground.strip('rgb()').split(','))
  assert (red < 60) == is_dark
