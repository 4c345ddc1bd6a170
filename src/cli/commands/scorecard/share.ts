import { InvalidArgumentError } from 'commander';

/** A share such as 0.1 or 10%. */
export function share(text: string): number {
  const [, number, percent] = /^(\d*\.?\d+)(%?)$/.exec(text) ?? [];
  const value = Number(number) / (percent === '%' ? 100 : 1);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('It must be a share such as 0.1 or 10%.');
  return value;
}
