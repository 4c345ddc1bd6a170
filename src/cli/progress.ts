import type { Terminal } from './terminal.js';

/**
 * Tells how far a piece of work has come: on a terminal one line that is redrawn at every percent, elsewhere a line at every
 * quarter. Goes to stderr, so that stdout stays clean.
 */
export function progress(terminal: Terminal, label: string): (done: number, detail?: string) => void {
  const step = terminal.interactive ? 0.01 : 0.25;
  let next = step;
  return (done, detail) => {
    if (done < next) return;
    while (next <= done) next += step;
    const text = `${label}: ${Math.floor(done * 100)} %${detail === undefined ? '' : `, ${detail}`}`;
    const [before, after] = terminal.interactive ? ['\r\u001b[K', done >= 1 ? '\n' : ''] : ['', '\n'];
    terminal.stderr.write(`${before}${text}${after}`);
  };
}

/**
 * Tells how many records have gone in, where the whole is not known: on a terminal one line that is redrawn, elsewhere nothing,
 * since the end says it. `done` clears the line.
 */
export function counting(terminal: Terminal): { add(records: number): void; done(): void } {
  let count = 0;
  const show = (text: string) => {
    if (terminal.interactive) terminal.stderr.write(`\r\u001b[K${text}`);
  };
  return {
    add(records) {
      count += records;
      show(`${count.toLocaleString('en')} records`);
    },
    done: () => show(''),
  };
}
