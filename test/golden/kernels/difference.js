/**
 * The kernels over views of one ArrayBuffer. A kernel takes the places of its buffers, in elements, and then its sizes.
 */
export function kernels(f32, i32, u32) {
  // difference
  function k0_point(input, output, n, i) {
    const output_at = output + i * n;
    const input_at = input + i * n;
    for (let j = 0; j < n; j++) {
      f32[output_at + j] = f32[input_at + j] - (j > 0 ? f32[input_at + j - 1] : 0);
    }
  }
  function k0(input, output, n) {
    for (let i = 0; i < 8; i++) {
      k0_point(input, output, n, i);
    }
  }

  return [k0];
}
