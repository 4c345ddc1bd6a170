import { credentials } from '@grpc/grpc-js';
import { startApi } from '../../api/server.js';
import { formatAddress } from '../../core/address.js';
import { systemClock } from '../../core/clock.js';
import type { Engine } from '../../engine/engine.js';
import { GetRiskResponse, RiskServiceClient } from '../../gen/perennial/v1/risk.js';
import type { SignalCatalogue } from '../../signals/catalogue.js';
import { Health } from '../../telemetry/health.js';
import type { Logger } from '../../telemetry/log.js';
import { print, type Terminal } from '../terminal.js';

/** How long the client may take to connect, on this machine. */
const CONNECT_MS = 10_000;

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
    catalogue: () => catalogue,
    health: new Health(),
    clock: systemClock,
    log,
    address: '127.0.0.1:0',
  });
  const client = new RiskServiceClient(formatAddress(api.address), credentials.createInsecure());
  try {
    // A client connects once and then asks again and again: what is told is what an answer takes.
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(systemClock() + CONNECT_MS, (error) =>
        error === undefined ? resolve() : reject(error),
      );
    });
    const started = performance.now();
    const answer = await new Promise<GetRiskResponse>((resolve, reject) => {
      client.getRisk({ subscriptionId: subscription, asOf: undefined }, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    const ms = performance.now() - started;
    print(
      terminal,
      `GetRisk of ${subscription} at ${formatAddress(api.address)}, answered in ${ms.toFixed(1)} ms:\n`,
    );
    print(terminal, JSON.stringify(GetRiskResponse.toJSON(answer), null, 2));
  } finally {
    client.close();
    await api.stop();
  }
}
