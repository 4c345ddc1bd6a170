/**
 * `exp` and `log` that give the same bits on every machine.
 *
 * ECMAScript leaves Math.exp, Math.log and Math.sin to the implementation: V8 has changed its versions of them between
 * releases, and a compiler may fuse a multiplication and an addition on one processor and not on another. Addition,
 * multiplication, division and Math.sqrt are fixed by IEEE 754 to the last bit, and these functions use nothing else.
 * They agree with Math.exp and Math.log within 1e-13 of the value, which is far finer than the simulator needs.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
/** Taylor terms: |r| <= ln2/2, so that r^14/14! < 1e-17. */
const EXP_TERMS = 14;
/** Series terms of atanh: |s| <= 0.172, so that s^27 < 1e-20. */
const LOG_TERMS = 25;

/** e to the power of x; 0 under -700 and e^700 above 700, which no rate of the simulator comes near. */
export function exp(x: number): number {
  if (x === 0) return 1;
  if (x < -700) return 0;
  const bounded = Math.min(x, 700);
  const k = Math.floor(bounded / Math.LN2 + 0.5);
  const r = bounded - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = EXP_TERMS; n >= 1; n--) sum = 1 + (r / n) * sum;
  return scale(sum, k);
}

/** Natural logarithm of a finite x > 0. */
export function log(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent -= 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let n = LOG_TERMS; n >= 1; n -= 2) sum = sum * square + 1 / n;
  return exponent * Math.LN2 + 2 * s * sum;
}

/** value * 2^k by exact doublings and halvings. */
function scale(value: number, k: number): number {
  let result = value;
  let left = k;
  for (; left >= 16; left -= 16) result *= 65_536;
  for (; left > 0; left--) result *= 2;
  for (; left <= -16; left += 16) result /= 65_536;
  for (; left < 0; left++) result /= 2;
  return result;
}
