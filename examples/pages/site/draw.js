import { load } from './build/classify/index.js';
import { Loading, where } from './loading.js';
import { normalised, Pad, showPixels } from './pad.js';

const element = (id) => document.getElementById(id);
const [status, answer, classes] = ['status', 'answer', 'classes'].map(element);

/** The model that is loaded, or being loaded; a later choice of the device takes its place. */
let loading;
let model;
/** One run at a time: what is drawn meanwhile is classified by the next. */
const runs = { isRunning: false, isStale: false };

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = classes.insertRow();
  row.insertCell().textContent = String(digit);
  const meter = document.createElement('meter');
  row.insertCell().append(meter);
  return { row, meter, text: row.insertCell() };
});

const pad = new Pad(element('pad'), () => void classify());
element('clear').addEventListener('click', () => {
  pad.clear();
  void classify();
});
element('device').addEventListener('change', () => void open());

async function open() {
  loading?.abort();
  const controller = new AbortController();
  loading = controller;
  model?.dispose();
  model = undefined;
  show(undefined);
  status.className = '';
  delete status.dataset.target;
  status.textContent = 'Loading …';
  const progress = new Loading(element('loading'));
  const begin = performance.now();
  try {
    const loaded = await load({
      device: element('device').value,
      signal: controller.signal,
      onProgress: (phase) => progress.show(phase),
    });
    if (controller.signal.aborted) return loaded.dispose();
    model = loaded;
    element('loading').replaceChildren();
    status.textContent = `Ready after ${Math.round(performance.now() - begin)} ms, on ${where(model)}.`;
    status.dataset.target = model.target;
    await classify();
  } catch (error) {
    if (controller.signal.aborted) return;
    status.className = 'error';
    status.textContent = `It cannot be loaded: ${error.message}`;
  }
}

async function classify() {
  runs.isStale = true;
  if (runs.isRunning) return;
  runs.isRunning = true;
  try {
    while (runs.isStale) {
      runs.isStale = false;
      await classifyOnce();
    }
  } catch (error) {
    // Another device was chosen while this one was at work.
    if (error.code !== 'disposed') {
      status.className = 'error';
      status.textContent = error.message;
    }
  } finally {
    runs.isRunning = false;
  }
}

async function classifyOnce() {
  const pixels = pad.pixels();
  showPixels(element('small'), pixels);
  if (!pixels) show(undefined);
  if (!pixels || !model) return;
  const begin = performance.now();
  const { logits } = await model.run({ img: { data: normalised(pixels), shape: [1, 1, 28, 28] } });
  show(softmax(logits.data), performance.now() - begin);
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function show(probabilities, milliseconds) {
  const best = probabilities?.indexOf(Math.max(...probabilities));
  answer.textContent = best === undefined ? '' : String(best);
  answer.title = best === undefined ? '' : `${milliseconds.toFixed(1)} ms`;
  rows.forEach(({ row, meter, text }, digit) => {
    row.className = digit === best ? 'best' : '';
    meter.value = probabilities?.[digit] ?? 0;
    text.textContent = probabilities ? `${(100 * probabilities[digit]).toFixed(1)} %` : '';
  });
}

void open();
