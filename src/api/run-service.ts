import type { MessageInitShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import { PerennialError } from '../core/errors.js';
import {
  type GetRunRequest,
  type ListRunsRequest,
  type RunPassSchema,
  type RunSchema,
  RunService,
} from '../gen/perennial/v1/run_service_pb.js';
import { BANDS } from '../scoring/scorecard.js';
import { listRuns, type RunPass } from '../store/run-log.js';
import type { Store } from '../store/store.js';
import { storeDuring } from '../store/store-during.js';
import { bandMessage, timestamp } from './messages.js';
import { pageTokens } from './page-token.js';
import { pageSizeOf } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';

const tokens = pageTokens('ListRuns', z.strictObject({ after: z.string() }));

export function runService(store: Store): readonly Rpc[] {
  const getRun = async ({ run }: GetRunRequest, { signal }: CallContext) => {
    const [passes] = await listRuns(storeDuring(store, signal), { run, limit: 1 });
    if (passes !== undefined) return { ...runMessage(passes), passes: passes.map(passMessage) };
    throw new PerennialError('not_found', `There is no run ${run}.`, {
      reason: 'RUN_NOT_FOUND',
      subject: { type: 'run', name: run },
      hint: 'ListRuns names them.',
    });
  };

  const list = async (request: ListRunsRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const after = tokens.read(request.pageToken, {})?.after ?? '';
    // One more than asked for tells whether there is a next page.
    const found = await listRuns(storeDuring(store, signal), { after, limit: pageSize + 1 });
    const runs = found.slice(0, pageSize).map(runMessage);
    const more = found.length > pageSize;
    return { runs, nextPageToken: more ? tokens.write({ after: runs.at(-1)!.run }, {}) : '' };
  };

  return [unary(RunService.method.getRun, 'lookup', getRun), unary(RunService.method.listRuns, 'work', list)];
}

function runMessage(passes: readonly RunPass[]) {
  const [first, last] = [passes[0]!, passes.at(-1)!];
  return {
    run: last.run,
    firstAsOf: timestamp(first.asOf),
    lastAsOf: timestamp(last.asOf),
    passCount: passes.length,
    subscriptionCount: last.subscriptions,
    openedCount: passes.reduce((sum, { opened }) => sum + opened, 0),
    rulesRevision: last.rulesRevision,
    scoringRevision: last.scoringRevision,
    runTime: timestamp(last.ranAt),
  } satisfies MessageInitShape<typeof RunSchema>;
}

function passMessage(pass: RunPass): MessageInitShape<typeof RunPassSchema> {
  return {
    asOf: timestamp(pass.asOf),
    ...(pass.knownAt === null ? {} : { knownAt: timestamp(pass.knownAt) }),
    subscriptionCount: pass.subscriptions,
    bands: BANDS.map((band) => ({ band: bandMessage(band), subscriptionCount: pass.bands[band] ?? 0 })),
    openedCount: pass.opened,
    closedCount: pass.closed,
    suppressedCount: pass.suppressed,
    rulesRevision: pass.rulesRevision,
    scoringRevision: pass.scoringRevision,
    runTime: timestamp(pass.ranAt),
  };
}
