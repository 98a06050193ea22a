import { Curve } from './curve.js';
import { Loading, where } from './loading.js';
import { normalised, Pad } from './pad.js';

const element = (id) => document.getElementById(id);
const status = element('status');
const curve = new Curve(element('curve'));

/** The worker of the training under way. */
let worker;
let progress;

const pad = new Pad(element('pad'), ask);
element('clear').addEventListener('click', () => {
  pad.clear();
  element('answer').textContent = '';
});
element('start').addEventListener('click', start);
element('pause').addEventListener('click', () => {
  const isPaused = element('pause').textContent === 'Pause';
  element('pause').textContent = isPaused ? 'Go on' : 'Pause';
  worker.postMessage({ kind: isPaused ? 'pause' : 'resume' });
});

/** Training goes on in a worker, so that the page stays alive whatever the device. */
function start() {
  worker?.terminate();
  curve.clear();
  progress = new Loading(element('loading'));
  status.className = '';
  for (const name of Object.keys(status.dataset)) delete status.dataset[name];
  status.textContent = 'Loading …';
  element('start').textContent = 'Start anew';
  element('pause').textContent = 'Pause';
  element('pause').disabled = false;
  worker = new Worker('/learn.js', { type: 'module' });
  worker.addEventListener('message', ({ data }) => answers[data.kind](data));
  worker.addEventListener('error', ({ message }) => answers.failed({ message }));
  const number = (id) => element(id).valueAsNumber;
  const [device, batch, seed] = [element('device').value, number('batch'), number('seed')];
  worker.postMessage({ kind: 'start', device, batch, seed });
}

/** What becomes of each kind of message of the worker. */
const answers = {
  progress: ({ phase }) => progress.show(phase),
  ready({ on }) {
    element('loading').replaceChildren();
    status.dataset.target = on.target;
    status.textContent = `On ${where(on)}.`;
  },
  step({ step, loss, rate }) {
    curve.addLoss(step, loss);
    status.textContent = `Step ${step}: loss ${loss.toFixed(3)}, ${Math.round(rate)} digits a second${accuracyText()}.`;
    status.dataset.step = step;
  },
  evaluated({ step, accuracy }) {
    curve.addAccuracy(step, accuracy);
    status.dataset.accuracy = accuracy;
    ask();
  },
  predicted({ digit }) {
    element('answer').textContent = String(digit);
  },
  failed({ message }) {
    status.className = 'error';
    status.textContent = message;
    element('pause').disabled = true;
  },
};

function accuracyText() {
  const { accuracy } = status.dataset;
  return accuracy === undefined ? '' : `; ${(100 * accuracy).toFixed(1)} % of the others right`;
}

function ask() {
  const pixels = pad.pixels();
  if (pixels && worker) worker.postMessage({ kind: 'predict', img: normalised(pixels) });
}
