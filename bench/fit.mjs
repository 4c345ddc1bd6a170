// Fits a scorecard to 1,000,000 rows of 40 features in memory, and beside it scikit-learn's logistic regression on the same rows,
// where python3 has it (PYTHON names another one).
// Usage: node bench/fit.mjs [--rows 1000000] [--features 40] [--json]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { canonicalOrder } from '../dist/fit/canonical-order.js';
import { fitModel } from '../dist/fit/fit-model.js';
import { logitsOf } from '../dist/fit/fitted-model.js';
import { areaUnderCurve, rankingOf } from '../dist/fit/statistics/ranking.js';
import { takeRows } from '../dist/fit/training-table.js';
import { MACHINE, report } from './harness.mjs';

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    features: { type: 'string', default: '40' },
    json: { type: 'boolean' },
  },
});
const rows = Number(flags.rows);
const count = Number(flags.features);

/** Numbers from 0 to 1, the same every time (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Half of the features have to do with the label: straight, bent, or with a step. */
function madeUpTable() {
  const random = randomNumbers(1);
  const logits = new Float64Array(rows).fill(-1.5);
  const features = Array.from({ length: count }, (_, i) => {
    const values = Float64Array.from({ length: rows }, () => random() + random() - 1);
    const effects = [(x) => x, (x) => x * x - 0.2, (x) => (x > 0.3 ? 0.7 : 0)];
    if (i % 2 === 0) for (let row = 0; row < rows; row++) logits[row] += effects[(i / 2) % 3](values[row]);
    const name = `f${String(i).padStart(3, '0')}`;
    return { name, title: name, direction: null, column: { kind: 'number', values, valid: null } };
  });
  const label = Uint8Array.from(logits, (logit) => Number(random() < 1 / (1 + Math.exp(-logit))));
  return { rows, label, weights: null, features };
}

const table = madeUpTable();
const began = performance.now();
const cpu = process.cpuUsage();
const ordered = takeRows(table, canonicalOrder(table));
const fit = fitModel(ordered);
const seconds = (performance.now() - began) / 1000;
const used = process.cpuUsage(cpu);
const auc = areaUnderCurve(rankingOf(logitsOf(fit.model, ordered)), ordered.label);
const peak = process.resourceUsage().maxRSS / 1024 / 1024;
const processor = (used.user + used.system) / 1e6;
const ours = `processor ${processor.toFixed(1)} s, AUC ${auc.toFixed(4)}, ${fit.kept.length} features kept, peak memory ${peak.toFixed(2)} GiB`;
if (peak >= 4) process.exitCode = 1;

const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-fit-'));
try {
  for (const { name, column } of table.features) writeFileSync(join(folder, `${name}.bin`), column.values);
  writeFileSync(join(folder, 'label.bin'), table.label);
  const script = `
import glob, time, numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
X = np.column_stack([np.fromfile(f) for f in sorted(glob.glob('${folder}/f*.bin'))])
y = np.fromfile('${folder}/label.bin', dtype=np.uint8)
t, c = time.time(), time.process_time()
X = StandardScaler().fit_transform(X)
m = LogisticRegression(max_iter=1000).fit(X, y)
s, c = time.time() - t, time.process_time() - c
print(f"processor {c:.1f} s, AUC {roc_auc_score(y, m.decision_function(X)):.4f}")
print(s)
`;
  const { status, stdout, stderr } = spawnSync(process.env.PYTHON ?? 'python3', ['-c', script], {
    encoding: 'utf8',
  });
  const size = `${rows.toLocaleString('en-US')} rows, ${count} features`;
  if (status === 0) {
    const [theirs, other] = stdout.trim().split('\n');
    const baseline = Number(other);
    report(
      {
        name: 'fit',
        config: `seconds of ${size} (${ours}) against scikit-learn's logistic regression, straight effects only (${theirs}); ${MACHINE}`,
        value: seconds,
        baseline,
        text: `${seconds.toFixed(1)} s, ${(seconds / baseline).toFixed(1)} times ${baseline.toFixed(1)} s`,
      },
      flags.json,
    );
  } else {
    process.stdout.write(`fit ${seconds.toFixed(1)} s of ${size} (${ours}); ${MACHINE}\n`);
    process.stderr.write(`scikit-learn was not measured: ${stderr.trim().split('\n').at(-1)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
