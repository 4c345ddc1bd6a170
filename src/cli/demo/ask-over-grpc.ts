import { toJson } from '@bufbuild/protobuf';
import { startApi } from '../../api/server.js';
import { connect, RiskSchema } from '../../client/index.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import { localDecider } from '../../engine/decider.js';
import type { Engine } from '../../engine/engine.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { Health } from '../../telemetry/health.js';
import type { Logger } from '../../telemetry/log.js';
import { print, type Terminal } from '../terminal.js';

/** Starts a server on a free port, asks it for one risk as any client would, prints the answer, and stops it. */
export async function askOverGrpc(
  terminal: Terminal,
  {
    engine,
    catalogue,
    log,
    subscription,
  }: { engine: Engine; catalogue: SignalCatalogue; log: Logger; subscription: string },
): Promise<void> {
  const api = await startApi({
    engine,
    store: engine.store,
    decider: localDecider(engine),
    catalogue: () => catalogue,
    health: new Health(),
    clock: systemClock,
    log,
    address: '127.0.0.1:0',
  });
  const client = connect({ server: formatAddress(api.address) });
  const ask = () => client.risks.getRisk({ subject: { case: 'subscriptionId', value: subscription } });
  try {
    // A client connects once and then asks again and again: what counts is what an answer takes.
    await ask();
    const started = performance.now();
    const risk = await ask();
    const ms = performance.now() - started;
    print(
      terminal,
      `GetRisk of ${subscription} at ${formatAddress(api.address)}, answered in ${ms.toFixed(1)} ms:\n`,
    );
    print(terminal, JSON.stringify(toJson(RiskSchema, risk, { useProtoFieldName: true }), null, 2));
  } finally {
    client.close();
    await api.stop();
  }
}
