/** Constant matrices in the forms that ONNX's products take them. */

/** A matrix of `rows` by `columns` with its axes swapped. */
export function transposed(data, [rows, columns]) {
  const result = new data.constructor(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j];
  return result;
}

/**
 * The transpose of a weight [rows, columns] as signed bytes without zero points, and a scale for each row of the weight:
 * `weight[i, j] ≈ scales[i] * data[j, i]`, data in -127 … 127.
 */
export function quantizeColumns(weight, [rows, columns]) {
  const scales = new Float32Array(rows);
  const bytes = new Int8Array(weight.length);
  for (let i = 0; i < rows; i++) {
    const row = weight.subarray(i * columns, (i + 1) * columns);
    const most = row.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    scales[i] = most === 0 ? 1 : most / 127;
    for (let j = 0; j < columns; j++) bytes[i * columns + j] = Math.round(row[j] / scales[i]);
  }
  return { data: transposed(bytes, [rows, columns]), scales };
}
