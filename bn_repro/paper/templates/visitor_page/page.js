'use strict';
// Draws what visitor_page_data.py estimated. Estimates nothing itself.

const data = JSON.parse(document.getElementById('data').textContent);
const element = (id) => document.getElementById(id);
const names = Object.fromEntries(data.networks.map((n) => [n.id, n.name]));
const colour = (id) => `var(--${id})`;
// Networks differ by more than colour.
const DASHES = {
  bn_baseline: '9 3', bn_x5: '2 2', bn_x30: '12 3 3 3', bn_x5_sigmoid: '5 5',
  inception_sigmoid: '1 3', bn_x5_decay_of_inception: '8 2 2 2 2 2',
};
const chosen = (form, name) => new FormData(element(form)).get(name);
const allChosen = (form, name) => new FormData(element(form)).getAll(name);
const widthOf = (place) => Math.max(280, place.clientWidth);
const isNarrow = (place) => widthOf(place) < 560;

function show(place, options) {
  const figure = Plot.plot({
    width: widthOf(place), style: { fontSize: '13px', background: 'none' }, ...options,
  });
  const svg = figure.tagName === 'svg' ? figure : figure.querySelector('svg:last-of-type');
  svg.setAttribute('role', 'img');
  place.replaceChildren(figure);
}

function redrawOn(form, draw) {
  element(form).addEventListener('input', draw);
  element(form).addEventListener('submit', (event) => event.preventDefault());
  draw();
}

// Figure 2 ------------------------------------------------------------------------

function unitOf(network, axis) {
  return { steps: 1, images: network.images, hours: network.hours }[axis];
}

function points(curve, unit, from) {
  return curve.step
    .map((step, i) => ({
      at: step * unit, mean: curve.mean[i], low: curve.low?.[i], high: curve.high?.[i],
    }))
    .filter((point) => point.at >= from);
}

function curveMarks(network, curves, axis, single, from) {
  const unit = unitOf(network, axis);
  if (unit === null) return [];
  const { seeds, band } = curves[network.id];
  const style = {
    stroke: colour(network.id), strokeDasharray: DASHES[network.id], clip: true,
    ariaLabel: () => network.name,
  };
  const line = (curve, width) => Plot.line(
    points(curve, unit, from), { x: 'at', y: 'mean', strokeWidth: width, ...style });
  if (single) return seeds.map((seed) => line(seed, 1.4));
  const area = {
    x: 'at', y1: 'low', y2: 'high', fill: colour(network.id), fillOpacity: 0.18, clip: true,
  };
  return [Plot.areaY(points(band, unit, from), area), line(band, 2.2)];
}

function pointed(networks, curves, axis, from) {
  return networks.flatMap((network) => {
    const unit = unitOf(network, axis);
    if (unit === null) return [];
    const band = points(curves[network.id].band, unit, from);
    return band.map((p) => ({ ...p, network: network.name }));
  });
}

function drawCurves() {
  const form = 'curve-options', place = element('curve-chart');
  const axis = chosen(form, 'axis'), scale = chosen(form, 'scale');
  const isSingle = chosen(form, 'seeds') === 'single';
  const curves = data[chosen(form, 'curves')];
  const wanted = allChosen(form, 'network');
  const networks = data.networks.filter((network) => wanted.includes(network.id));
  const from = scale === 'linear' ? 0 : { steps: 300, images: 10000, hours: 0.01 }[axis];
  const target = Number(element('target-input').value) / 100;
  const tip = {
    x: 'at', y: 'mean', channels: { network: 'network' },
    format: { x: (x) => readable(x), y: '.1%', network: true }, fill: 'var(--panel)',
  };
  show(place, {
    height: isNarrow(place) ? 340 : 440, marginLeft: 48, marginBottom: 42,
    ariaLabel: `Validation accuracy against ${axis}: ${networks.map((n) => n.name)}`,
    ariaDescription: 'The same as a table below.',
    x: {
      type: scale, label: `${axis} →`, grid: true, nice: false,
      ticks: isNarrow(place) ? 4 : 8, tickFormat: readable,
    },
    y: { domain: [0.4, highest(curves) + 0.01], label: '↑ accuracy', grid: true, tickFormat: '.0%' },
    marks: [
      Plot.ruleY([target], { stroke: 'var(--quiet)', strokeDasharray: '3 3' }),
      ...networks.flatMap((n) => curveMarks(n, curves, axis, isSingle, from)),
      isSingle ? null : Plot.tip(pointed(networks, curves, axis, from), Plot.pointer(tip)),
    ],
  });
  const untimed = networks.filter((network) => network.hours === null);
  element('curve-note').textContent =
    axis === 'hours' && untimed.length
      ? `Not timed on the same machine: ${untimed.map((n) => n.name).join(', ')}.`
      : `The dashed line is the target of figure 3 below, ${Math.round(target * 100)} %.`;
}

function highest(curves) {
  return d3.max(Object.values(curves), ({ seeds }) => d3.max(seeds, (seed) => d3.max(seed.mean)));
}

function readable(number) {
  if (number >= 1e6) return `${+(number / 1e6).toPrecision(3)}M`;
  if (number >= 1e3) return `${+(number / 1e3).toPrecision(3)}k`;
  return `${+number.toPrecision(3)}`;
}

// Figure 3 ------------------------------------------------------------------------

function drawTarget() {
  const percent = element('target-input').value, rows = data.targets[percent];
  element('target-value').textContent = `${percent} %`;
  element('target-input').setAttribute('aria-valuetext', `${percent} percent accuracy`);
  const table = element('target-table');
  table.caption.textContent = `Steps to ${percent} % and speed-up over Inception`;
  table.tBodies[0].replaceChildren(...rows.map(targetRow));
  element('target-status').textContent = `To ${percent} %: ` +
    rows.slice(1).map((row) => `${names[row.id]} ${row.text} times`).join('; ');
  drawSpeedUps(rows.slice(1), percent);
  drawCurves();
}

function targetRow(row) {
  const line = document.createElement('tr');
  line.dataset.network = row.id;
  for (const text of [names[row.id], row.text, row.steps, row.reached, row.seeds]) {
    const cell = document.createElement(line.children.length ? 'td' : 'th');
    cell.textContent = text;
    line.append(cell);
  }
  line.firstChild.scope = 'row';
  return line;
}

const EDGES = [0.5, 20]; // of the axis of speed-ups

function drawSpeedUps(rows, percent) {
  const place = element('target-chart'), narrow = isNarrow(place);
  const bars = rows.filter((row) => row.low !== null || row.high !== null);
  const dots = rows.filter((row) => row.value);
  const open = bars.filter((row) => row.high === null && row.low);
  const y = (row) => names[row.id], stroke = (row) => colour(row.id);
  const end = (bound, edge) => (row) => Math.min(EDGES[1], Math.max(EDGES[0], row[bound] || edge));
  show(place, {
    height: 60 + 34 * rows.length, marginLeft: narrow ? 132 : 150, marginBottom: 42,
    ariaLabel: `Speed-up over Inception to ${percent} %, with 95 % intervals`,
    ariaDescription: 'The same as a table below.',
    x: {
      type: 'log', domain: EDGES, grid: true, label: 'times fewer steps than Inception →',
      ticks: [0.5, 1, 2, 5, 10, 20], tickFormat: String,
    },
    y: { domain: rows.map(y), label: null, tickSize: 0 },
    marks: [
      Plot.ruleX([1], { stroke: 'var(--quiet)' }),
      Plot.ruleY(bars.filter((row) => row.low || row.high), {
        y, x1: end('low', EDGES[0]), x2: end('high', EDGES[1]), stroke, strokeWidth: 2.5,
      }),
      Plot.text(open, { y, x: EDGES[1], text: () => '→', fill: stroke, dx: 6 }),
      Plot.dot(dots, { y, x: end('value', 1), fill: stroke, r: 5, title: (row) => row.text }),
    ],
  });
}

// Claims --------------------------------------------------------------------------

const FILTERS = ['verdict', 'sections', 'networks'];

function filterClaims() {
  const wanted = FILTERS.map((name) => [name, chosen('claim-filters', name)]);
  const claims = [...document.querySelectorAll('.claim')];
  for (const claim of claims)
    claim.hidden = !wanted.every(
      ([name, value]) => !value || JSON.parse(claim.dataset[name]).includes(value));
  const shown = claims.filter((claim) => !claim.hidden);
  const numbers = (some) => new Set(some.map((claim) => claim.dataset.number)).size;
  element('claim-count').textContent =
    `${shown.length} of ${claims.length} entries, on ${numbers(shown)} of ` +
    `${numbers(claims)} claims`;
}

function openClaim(claim) {
  const place = claim.querySelector('.interval'), figure = claim.querySelector('figure');
  if (place) drawInterval(place, data.claims[claim.dataset.key]);
  if (figure && !figure.querySelector('img')) {
    const svg = new Blob([data.figures[figure.dataset.figure]], { type: 'image/svg+xml' });
    const image = document.createElement('img');
    image.src = URL.createObjectURL(svg);
    image.alt = `Figure ${figure.dataset.figure}, which the finding above sums up`;
    figure.prepend(image);
  }
}

function drawInterval(place, claim) {
  const { value, low, high, margin, side, unit } = claim;
  const ends = [value, low, high, margin].filter((x) => x !== null);
  const isLog = ends.every((x) => x > 0) && ['times', 'relative'].includes(unit);
  const margins = side === 'within' ? [-margin, margin] : [margin];
  const [least, most] = d3.extent([...ends, ...margins, ...(isLog ? [] : [0])]);
  const pad = (most - least || 1) * 0.12;
  const domain = isLog ? [least / 1.5, most * 1.5] : [least - pad, most + pad];
  const from = side === 'above' ? margin : side === 'within' ? -margin : domain[0];
  const to = side === 'above' ? domain[1] : margin;
  const label = (text) => ({ text: () => text, dy: -22, fill: 'var(--quiet)' });
  show(place, {
    height: 92, marginTop: 26, marginBottom: 38, marginLeft: 12, marginRight: 12,
    ariaLabel: `${claim.ours}; margin ${claim.bound}`,
    x: { type: isLog ? 'log' : 'linear', domain, label: unit, ticks: 5, tickFormat: readable2 },
    marks: [
      Plot.rect([0], { x1: from, x2: to, y1: -1, y2: 1, fill: 'var(--supported)', fillOpacity: 0.14 }),
      Plot.ruleX(margins, { stroke: 'var(--quiet)', strokeDasharray: '4 3' }),
      Plot.text([margins.at(-1)], { x: (d) => d, y: 0, ...label('margin') }),
      low === null || high === null ? null : Plot.ruleY([0], { x1: low, x2: high, y: 0, strokeWidth: 3 }),
      value === null ? null : Plot.dot([value], { x: (d) => d, y: 0, r: 6, fill: 'currentColor' }),
    ],
    y: { axis: null, domain: [-1, 1] },
  });
}

const readable2 = (x) => (x && Math.abs(x) < 1e-3 ? x.toExponential(0) : `${+x.toPrecision(4)}`);

// The seven changes ---------------------------------------------------------------

function drawChanges() {
  const place = element('change-chart'), effect = chosen('change-options', 'effect');
  const isRatio = effect === 'speed_up';
  const rows = (effect === 'stage3' ? data.stage3 : data.changes).map((row) => ({
    ...row, ...row[isRatio ? 'speed_up' : 'accuracy'],
  }));
  const settings = [...d3.union(rows.map((row) => row.setting))];
  const changes = [...d3.union(rows.map((row) => row.change))];
  const label = isRatio ? 'times fewer steps to 40 % →' : 'points of accuracy →';
  show(place, {
    height: 60 + 21 * (settings.length + 1) * changes.length,
    marginTop: 6, marginLeft: 12, marginRight: 12, marginBottom: 42,
    ariaLabel: `What each change gives: ${label}`,
    ariaDescription: 'The same as a table below.',
    x: {
      type: isRatio ? 'log' : 'linear', grid: true, label, nice: true,
      ticks: isRatio ? [0.5, 0.7, 1, 1.5, 2, 3, 4, 5] : 6, tickFormat: readable2,
    },
    y: { axis: null, domain: ['', ...settings] }, // the first row is the title's
    fy: { label: null, axis: null, padding: 0, domain: changes },
    color: {
      legend: true, domain: settings,
      range: ['var(--text)', 'var(--bn_baseline)', 'var(--bn_x5)'],
    },
    marks: [
      Plot.ruleX([isRatio ? 1 : 0], { stroke: 'var(--quiet)' }),
      Plot.text(changes, {
        fy: (d) => d, y: () => '', text: (d) => d, frameAnchor: 'left', fontWeight: 600,
        stroke: 'var(--ground)', fill: 'currentColor', strokeWidth: 4,
      }),
      Plot.ruleY(rows, { fy: 'change', y: 'setting', x1: 'low', x2: 'high', stroke: 'setting', strokeWidth: 2 }),
      Plot.dot(rows, {
        fy: 'change', y: 'setting', x: 'value', fill: 'setting', r: 4.5, title: 'text',
        symbol: (row) => (row.setting === settings[0] ? 'diamond' : 'circle'),
      }),
    ],
  });
}

// MNIST's grid --------------------------------------------------------------------

function drawGrid() {
  const place = element('grid-chart'), step = Number(chosen('grid-options', 'step'));
  const cells = data.grid.filter((cell) => cell.step === step);
  const error = (cell) => (cell.value === null ? null : 100 - cell.value);
  const described = (cell) => [cell.text, cell.remark].filter(Boolean).join('; ');
  const text = (cell) => (cell.value === null ? '×' : `${cell.value.toFixed(1)}${cell.remark ? '*' : ''}`);
  show(place, {
    height: 330, marginLeft: 64, marginBottom: 42, marginTop: 30,
    ariaLabel: `Test accuracy on MNIST after ${step} steps by learning rate and initial standard deviation`,
    ariaDescription: 'The same as a table below.',
    x: { type: 'band', domain: [...d3.union(cells.map((c) => c.learning_rate))], label: 'learning rate →', padding: 0.03 },
    y: { type: 'band', domain: [...d3.union(cells.map((c) => c.deviation))].reverse(), label: '↑ initial std', labelOffset: 58 },
    fy: { label: null, axis: null, padding: 0.18, domain: [...d3.union(cells.map((c) => c.network))] },
    color: {
      type: 'log', scheme: 'viridis', reverse: true, domain: [1.5, 90], legend: true,
      label: 'test error, %', ticks: [2, 5, 10, 20, 50, 90], tickFormat: String,
    },
    marks: [
      Plot.text([...d3.union(cells.map((c) => c.network))], {
        fy: (d) => d, text: (d) => d, frameAnchor: 'top-left', dy: -15, fontWeight: 600,
      }),
      Plot.cell(cells, { fy: 'network', x: 'learning_rate', y: 'deviation', fill: error, title: described, inset: 0.5 }),
      Plot.text(cells, {
        fy: 'network', x: 'learning_rate', y: 'deviation', text,
        fill: (cell) => (cell.value === null ? 'var(--text)' : error(cell) > 12 ? '#fff' : '#111'),
        fontSize: isNarrow(place) ? 10.5 : 13,
      }),
    ],
  });
}

// ---------------------------------------------------------------------------------

for (const line of document.querySelectorAll('svg.key line'))
  line.setAttribute('stroke-dasharray', DASHES[line.className.baseVal] ?? 'none');
for (const claim of document.querySelectorAll('.claim'))
  claim.addEventListener('toggle', () => claim.open && openClaim(claim));
redrawOn('curve-options', drawCurves);
redrawOn('claim-filters', filterClaims);
element('claim-filters').addEventListener('reset', () => setTimeout(filterClaims));
redrawOn('change-options', drawChanges);
redrawOn('grid-options', drawGrid);
element('target-input').addEventListener('input', drawTarget);
drawTarget();

function openLinked() {
  const claim = document.getElementById(location.hash.slice(1));
  if (claim?.classList.contains('claim')) claim.open = true;
}
window.addEventListener('hashchange', openLinked);
openLinked();

let width = window.innerWidth;
window.addEventListener('resize', () => {
  if (window.innerWidth === width) return; // a phone's bars come and go
  width = window.innerWidth;
  drawTarget(); drawChanges(); drawGrid();
  document.querySelectorAll('.claim[open]').forEach(openClaim);
});
