// Draws all, and again what a control or the width changes.

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
