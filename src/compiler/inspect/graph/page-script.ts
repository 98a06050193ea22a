/** What the page of `--graph html` runs, after the functions that place and draw: plain JavaScript, nothing loaded. */
export const PAGE_SCRIPT = String.raw`
const { level, infos, open } = JSON.parse(document.getElementById('drawing').textContent);
const byId = new Map(infos.map((info) => [info.id, info]));
const opened = new Set(open);
const margin = 20;
const svg = document.getElementById('picture');
const canvas = document.getElementById('canvas');
const panel = document.getElementById('panel');
const search = document.getElementById('search');
const results = document.getElementById('results');
let selected = '';

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function render() {
  const placed = placeLevel(level, (id) => opened.has(id));
  const [width, height] = [Math.ceil(placed.width) + 2 * margin, Math.ceil(placed.height) + 2 * margin];
  svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
  svg.setAttribute('width', width);
  svg.setAttribute('height', height);
  canvas.innerHTML = drawPlaced(placed, margin, margin);
  mark();
}

/** Which of several equal layers a path names makes no difference. */
function matches(info, text) {
  const anyLayer = text.replace(/\.\d+(?=\.|$)/g, '.#');
  return text !== '' && info.words.some((word) => word.includes(text) || word.includes(anyLayer));
}

/** Marks what is selected and what the search has found. */
function mark() {
  const text = search.value.trim().toLowerCase();
  for (const node of canvas.querySelectorAll('.node')) {
    const info = byId.get(node.dataset.id);
    node.classList.toggle('selected', node.dataset.id === selected);
    node.classList.toggle('hit', info !== undefined && matches(info, text));
  }
}

/** Keeps the block where it is on the screen while it opens or closes. */
function toggle(id) {
  const before = canvas.querySelector('[data-id="' + id + '"]').getBoundingClientRect();
  if (!opened.delete(id)) opened.add(id);
  render();
  const after = canvas.querySelector('[data-id="' + id + '"]').getBoundingClientRect();
  svg.parentElement.scrollBy(after.left - before.left + (after.width - before.width) / 2, after.top - before.top);
}

function select(id) {
  selected = id;
  showInfo(byId.get(id) ?? infos[0]);
  mark();
}

/** Opens everything around a block, and brings it into view. */
function reveal(id) {
  const segments = id.split('-');
  for (let at = 2; at < segments.length; at++) opened.add(segments.slice(0, at).join('-'));
  render();
  select(id);
  canvas.querySelector('[data-id="' + id + '"]')?.scrollIntoView({ block: 'center', inline: 'center', behavior: 'smooth' });
}

function table(rows) {
  const made = element('table');
  for (const cells of rows) {
    const row = made.appendChild(element('tr'));
    cells.forEach((cell, at) => row.appendChild(element(at === 0 ? 'th' : 'td', cell)));
  }
  return made;
}

function showInfo(info) {
  panel.replaceChildren(element('h2', info.title), element('p', info.path, 'path'));
  if (info.foldable) {
    const button = panel.appendChild(element('button', opened.has(info.id) ? 'Fold' : 'Unfold'));
    button.onclick = () => {
      toggle(info.id);
      showInfo(info);
    };
  }
  if (info.doc) panel.appendChild(element('p', info.doc, 'doc'));
  for (const [heading, rows] of info.tables) {
    if (rows.length > 0) panel.append(element('h3', heading), table(rows));
  }
  panel.append(element('h3', info.place), element('pre', info.line));
}

function showResults() {
  const text = search.value.trim().toLowerCase();
  const found = infos.slice(1).filter((info) => matches(info, text));
  results.replaceChildren(
    ...found.slice(0, 40).map((info) => {
      const entry = element('button');
      entry.append(element('b', info.title), ' ' + info.path);
      entry.onclick = () => reveal(info.id);
      return entry;
    }),
  );
  if (text !== '' && found.length === 0) results.append(element('p', 'Nothing has this name.'));
  mark();
}

canvas.addEventListener('click', (event) => {
  const node = event.target.closest('.node');
  const id = node?.dataset.id ?? '';
  if (event.target.closest('.fold')) toggle(id);
  select(byId.has(id) ? id : '');
});
canvas.addEventListener('dblclick', (event) => {
  const id = event.target.closest('.node')?.dataset.id;
  if (byId.get(id)?.foldable) toggle(id);
});
search.addEventListener('input', showResults);
search.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') results.querySelector('button')?.click();
});
document.getElementById('all').onclick = () => {
  for (const info of infos) if (info.foldable) opened.add(info.id);
  render();
};
document.getElementById('none').onclick = () => {
  opened.clear();
  render();
};
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || document.activeElement === search) return;
  event.preventDefault();
  search.focus();
});
render();
select('');
`;
