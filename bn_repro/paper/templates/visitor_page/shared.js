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
  const svg = figure.tagName === 'svg' ? figure : figure.querySelector(':scope > svg:last-of-type');
  svg.setAttribute('role', 'img');
  place.replaceChildren(figure);
}

function redrawOn(form, draw) {
  element(form).addEventListener('input', draw);
  element(form).addEventListener('submit', (event) => event.preventDefault());
  draw();
}
