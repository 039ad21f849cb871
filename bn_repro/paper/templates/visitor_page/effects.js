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
