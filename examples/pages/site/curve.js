/** A curve that grows: losses as points with their running mean, accuracies as a line, against the number of steps. */
const MARGIN = { left: 44, right: 44, top: 12, bottom: 26 };
/** How much of the running mean a new loss is. */
const WEIGHT = 0.05;

export class Curve {
  #canvas;
  #losses = [];
  #means = [];
  #accuracies = [];
  #isDue = false;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#draw();
  }

  clear() {
    [this.#losses, this.#means, this.#accuracies] = [[], [], []];
    this.#later();
  }

  addLoss(step, loss) {
    const before = this.#means.at(-1)?.value ?? loss;
    this.#losses.push({ step, value: loss });
    this.#means.push({ step, value: before + WEIGHT * (loss - before) });
    this.#later();
  }

  addAccuracy(step, accuracy) {
    this.#accuracies.push({ step, value: accuracy });
    this.#later();
  }

  /** Once a frame, however many steps it has. */
  #later() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    const last = Math.max(20, this.#losses.at(-1)?.step ?? 0);
    const most = Math.max(0.5, ...this.#losses.map(({ value }) => value));
    const x = (step) => MARGIN.left + (step / last) * (width - MARGIN.left - MARGIN.right);
    const y = (part) => height - MARGIN.bottom - part * (height - MARGIN.top - MARGIN.bottom);
    context.font = '12px system-ui, sans-serif';
    context.fillStyle = '#888';
    context.strokeStyle = '#8884';
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      line(context, [
        [MARGIN.left, y(part)],
        [width - MARGIN.right, y(part)],
      ]);
      context.textAlign = 'right';
      context.fillText((part * most).toFixed(1), MARGIN.left - 6, y(part) + 4);
      context.textAlign = 'left';
      context.fillText(`${100 * part} %`, width - MARGIN.right + 6, y(part) + 4);
    }
    context.textAlign = 'center';
    for (const part of [0, 0.5, 1]) context.fillText(`${Math.round(part * last)}`, x(part * last), height - 8);
    context.fillStyle = '#36c6';
    for (const { step, value } of this.#losses) context.fillRect(x(step) - 1, y(value / most) - 1, 2, 2);
    context.lineWidth = 2;
    context.strokeStyle = '#36c';
    line(
      context,
      this.#means.map(({ step, value }) => [x(step), y(value / most)]),
    );
    context.strokeStyle = '#e70';
    line(
      context,
      this.#accuracies.map(({ step, value }) => [x(step), y(value)]),
    );
    context.lineWidth = 1;
  }
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], at) => (at === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.stroke();
}
