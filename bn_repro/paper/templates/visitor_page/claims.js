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
