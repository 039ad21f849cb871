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
  element('curve-note').textContent =
    `The dashed line is the target of figure 3 below, ${Math.round(target * 100)} %.`;
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
