/** A pad to draw on, and its drawing as the digits of MNIST are: in a box of 20 pixels, its centre of mass in the middle. */
export const SIDE = 28;
const BOX = 20;
const WIDTH = 18;

export class Pad {
  #canvas;
  #context;

  /** Calls `onChange` after each stroke's step. */
  constructor(canvas, onChange) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { willReadFrequently: true });
    Object.assign(this.#context, { strokeStyle: '#fff', fillStyle: '#fff', lineWidth: WIDTH, lineCap: 'round' });
    let last;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = this.#place(event);
      this.#line(last, last);
      onChange();
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!last) return;
      const next = this.#place(event);
      this.#line(last, next);
      last = next;
      onChange();
    });
    const end = () => (last = undefined);
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);
  }

  clear() {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  /** 28 × 28 pixels from 0 to 255, row by row; undefined while nothing is drawn. */
  pixels() {
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    const ink = (x, y) => data[4 * (y * width + x) + 3];
    let [left, right, top, bottom] = [width, -1, height, -1];
    let [mass, sumX, sumY] = [0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = ink(x, y);
        if (value === 0) continue;
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        mass += value;
        sumX += value * (x + 0.5);
        sumY += value * (y + 0.5);
      }
    }
    if (mass === 0) return undefined;
    const scale = BOX / Math.max(right - left + 1, bottom - top + 1);
    const small = new OffscreenCanvas(SIDE, SIDE).getContext('2d');
    small.imageSmoothingQuality = 'high';
    small.setTransform(scale, 0, 0, scale, SIDE / 2 - (scale * sumX) / mass, SIDE / 2 - (scale * sumY) / mass);
    small.drawImage(this.#canvas, 0, 0);
    const shrunk = small.getImageData(0, 0, SIDE, SIDE).data;
    return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => shrunk[4 * at + 3]);
  }

  #place({ offsetX, offsetY }) {
    const { width, height, clientWidth, clientHeight } = this.#canvas;
    return { x: (offsetX * width) / clientWidth, y: (offsetY * height) / clientHeight };
  }

  #line(from, to) {
    const context = this.#context;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    // A line without length draws nothing.
    context.beginPath();
    context.arc(to.x, to.y, WIDTH / 2, 0, 2 * Math.PI);
    context.fill();
  }
}

/** Shows what `pixels` answers. */
export function showPixels(canvas, pixels) {
  const image = new ImageData(SIDE, SIDE);
  pixels?.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/** As the networks were trained. */
export function normalised(pixels) {
  return Float32Array.from(pixels, (value) => (value / 255 - 0.1307) / 0.3081);
}
