/** What the page of a profile runs: plain JavaScript, nothing loaded. */
export const FLAME_SCRIPT = String.raw`
const { root, kinds } = JSON.parse(document.getElementById('profile').textContent);
const level = 28;
const chart = document.getElementById('flame');
const facts = document.getElementById('facts');
const key = document.getElementById('key');
const out = document.getElementById('out');
/** Every block and kernel, those around others first, with its place on the axis of time. */
const frames = [];
let zoomed;
let colour = 'ceiling';

function collect(data, around, start, depth) {
  const frame = { data, around, start, depth, inside: [], element: document.createElement('div') };
  frames.push(frame);
  let at = start;
  for (const inner of data.inside) {
    frame.inside.push(collect(inner, frame, at, depth + 1));
    at += inner.seconds;
  }
  return frame;
}

function share(seconds) {
  const part = (100 * seconds) / root.seconds;
  return part.toFixed(part >= 9.95 ? 0 : 1) + ' %';
}

function make(frame) {
  const { element, data, depth } = frame;
  element.className = data.tone === undefined ? 'frame' : 'frame kernel';
  element.textContent = data.name;
  element.setAttribute('role', 'treeitem');
  element.setAttribute('aria-level', depth + 1);
  element.setAttribute('aria-label', data.facts.map((fact) => fact.join(' ')).join(', '));
  element.tabIndex = -1;
  element.style.top = depth * level + 'px';
  element.addEventListener('click', () => zoom(frame));
  element.addEventListener('mouseenter', () => tell(frame));
  element.addEventListener('focus', () => tell(frame));
  chart.append(element);
}

function fillOf({ ceiling, tone }) {
  if (colour === 'kind') return tone === undefined ? '' : 'var(--tone' + tone + ')';
  if (ceiling === undefined) return '';
  const [part, from, to] = ceiling < 0.5 ? [2 * ceiling, 'far', 'middle'] : [2 * Math.min(1, ceiling) - 1, 'middle', 'near'];
  return 'color-mix(in oklab, var(--' + to + ') ' + Math.round(100 * part) + '%, var(--' + from + '))';
}

function paint() {
  for (const { element, data } of frames) element.style.setProperty('--fill', fillOf(data) || 'var(--level)');
  key.replaceChildren(
    ...(colour === 'ceiling'
      ? [swatched('scale', '', '0 %', '100 % of what the machine can do')]
      : kinds.map(({ name, seconds }, at) => swatched('swatch', 'var(--tone' + at + ')', '', name + ' ' + share(seconds)))),
  );
}

function swatched(className, fill, before, after) {
  const entry = document.createElement('span');
  const swatch = document.createElement('span');
  swatch.className = className;
  swatch.style.background = fill;
  entry.append(before, swatch, after);
  return entry;
}

function isAround(frame, other) {
  for (let at = other; at; at = at.around) if (at === frame) return true;
  return false;
}

/** Gives a frame the whole width; those around it keep it too, those beside it vanish. */
function zoom(frame) {
  zoomed = frame;
  out.disabled = frame.around === undefined;
  place();
  focus(frame);
}

function place() {
  const width = chart.clientWidth;
  const [from, seconds] = [zoomed.start, zoomed.data.seconds || 1];
  let deepest = 0;
  for (const frame of frames) {
    const { element, data, start, depth } = frame;
    const around = frame !== zoomed && isAround(frame, zoomed);
    const [left, part] = around ? [0, 1] : [(start - from) / seconds, data.seconds / seconds];
    element.hidden = !around && !isAround(zoomed, frame);
    element.style.left = 100 * left + '%';
    element.style.width = 100 * part + '%';
    element.classList.toggle('around', around);
    element.classList.toggle('thin', part * width < 36);
    if (!element.hidden) deepest = Math.max(deepest, depth);
  }
  chart.style.height = (deepest + 1) * level + 'px';
}

function tell({ data, element }) {
  for (const told of chart.querySelectorAll('.told')) told.classList.remove('told');
  element.classList.add('told');
  facts.replaceChildren(
    ...data.facts.map(([name, value]) => {
      const entry = document.createElement('span');
      const label = document.createElement('b');
      label.textContent = name;
      entry.append(label, value);
      return entry;
    }),
  );
}

function focus(frame) {
  for (const { element } of frames) element.tabIndex = -1;
  frame.element.tabIndex = 0;
  frame.element.focus({ preventScroll: true });
}

/** The next frame of the same depth on one side, whatever block it is in. */
function neighbour(frame, step) {
  const row = frames.filter(({ depth, element }) => depth === frame.depth && !element.hidden);
  return row[row.indexOf(frame) + step];
}

function moved(frame, name) {
  switch (name) {
    case 'ArrowDown':
      return frame.inside.find(({ element }) => !element.hidden);
    case 'ArrowUp':
      return frame.around;
    case 'ArrowLeft':
      return neighbour(frame, -1);
    case 'ArrowRight':
      return neighbour(frame, 1);
    case 'Home':
      return frames[0];
  }
}

chart.addEventListener('keydown', (event) => {
  const frame = frames.find(({ element }) => element === document.activeElement);
  if (!frame) return;
  const next = moved(frame, event.key);
  if (next) focus(next);
  else if (event.key === 'Enter' || event.key === ' ') zoom(frame);
  else return;
  event.preventDefault();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && zoomed.around) zoom(zoomed.around);
});
out.addEventListener('click', () => zoom(zoomed.around));
for (const choice of document.querySelectorAll('[name=colour]')) {
  choice.addEventListener('change', () => {
    colour = choice.value;
    paint();
  });
}
new ResizeObserver(place).observe(chart);
zoomed = collect(root, undefined, 0, 0);
frames.forEach(make);
frames[0].element.tabIndex = 0;
paint();
place();
tell(frames[0]);
`;
