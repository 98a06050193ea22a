/** The phases of a load as rows of a table, each with how far it is. */
const NAMES = { program: 'program', kernels: 'kernels', weights: 'weights', prepare: 'preparation' };

export class Loading {
  #table;
  #rows = new Map();

  constructor(table) {
    this.#table = table;
    table.replaceChildren();
  }

  /** What `onProgress` is given. */
  show({ phase, loaded, total }) {
    const row = this.#rows.get(phase) ?? this.#add(phase);
    row.progress.max = Math.max(1, total ?? loaded);
    row.progress.value = loaded;
    const amount = (value) => (phase === 'prepare' ? `${value}` : `${Math.ceil(value / 1000)} kB`);
    row.text.textContent = total === undefined ? amount(loaded) : `${amount(loaded)} of ${amount(total)}`;
  }

  #add(phase) {
    const line = this.#table.insertRow();
    line.insertCell().textContent = NAMES[phase] ?? phase;
    const progress = document.createElement('progress');
    line.insertCell().append(progress);
    const row = { progress, text: line.insertCell() };
    this.#rows.set(phase, row);
    return row;
  }
}

/** What a model runs on, in words. */
export function where({ target, threads, choice }) {
  const names = { webgpu: 'WebGPU', wasm: 'WebAssembly', js: 'JavaScript' };
  const crew = threads > 1 ? ` on ${threads} threads` : '';
  return `${names[target]}${crew}${choice ? ` (${choice.reason})` : ''}`;
}
