/**
 * The kernels over views of one ArrayBuffer. A kernel takes the places of its buffers, in elements, and then its sizes.
 */
export function kernels(f32, i32, u32) {
  // rows
  function k0_point(input, weight, output, norm, m, n, i) {
    let sum = 0;
    const input_at = input + i * n;
    const output_at = output + i * n;
    for (let j = 0; j < n; j++) {
      const x = f32[input_at + j];
      sum += x * x;
      f32[output_at + j] = Math.max(x, 0) * f32[weight + j];
    }
    f32[norm + i] = sum;
  }
  function k0(input, weight, output, norm, m, n) {
    for (let i = 0; i < m; i++) {
      k0_point(input, weight, output, norm, m, n, i);
    }
  }

  return [k0];
}
