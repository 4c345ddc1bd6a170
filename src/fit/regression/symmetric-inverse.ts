/**
 * The inverse of a symmetric positive definite matrix, row by row in one array, by Cholesky's factor. Written here because a fit
 * does little else, and libraries took five to fifteen times as long (docs/adr/0101). Every step is a product of two stretches
 * that stand one after the other in memory.
 *
 * Throws a RangeError where the matrix is not positive definite.
 */
export function symmetricInverse(matrix: Float64Array, size: number): Float64Array {
  const lower = choleskyFactor(matrix, size);
  const inverse = transposedInverse(lower, size);
  const product = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = dot(inverse, row * size + row, inverse, column * size + row, size - row);
      product[row * size + column] = value;
      product[column * size + row] = value;
    }
  }
  return product;
}

/** The logarithm of the determinant of such a matrix; only its lower half is read. */
export function logDeterminant(matrix: Float64Array, size: number): number {
  const lower = choleskyFactor(matrix, size);
  let sum = 0;
  for (let row = 0; row < size; row++) sum += 2 * Math.log(lower[row * size + row]!);
  return sum;
}

/** L with L L' = matrix. */
function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const r = row * size;
    for (let column = 0; column < row; column++) {
      const c = column * size;
      lower[r + column] = (matrix[r + column]! - dot(lower, r, lower, c, column)) / lower[c + column]!;
    }
    const square = matrix[r + row]! - dot(lower, r, lower, r, row);
    if (!(square > 0)) throw new RangeError('the matrix is not positive definite');
    lower[r + row] = Math.sqrt(square);
  }
  return lower;
}

/** The inverse of L, its columns as rows. */
function transposedInverse(lower: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const r = row * size;
    const scale = 1 / lower[r + row]!;
    inverse[r + row] = scale;
    for (let column = 0; column < row; column++) {
      const c = column * size;
      inverse[c + row] = -scale * dot(lower, r + column, inverse, c + column, row - column);
    }
  }
  return inverse;
}

/** Four sums side by side: one would have to wait for itself. */
function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, length: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += a[fromA + i]! * b[fromB + i]!;
    s1 += a[fromA + i + 1]! * b[fromB + i + 1]!;
    s2 += a[fromA + i + 2]! * b[fromB + i + 2]!;
    s3 += a[fromA + i + 3]! * b[fromB + i + 3]!;
  }
  for (; i < length; i++) s0 += a[fromA + i]! * b[fromB + i]!;
  return s0 + s1 + (s2 + s3);
}
