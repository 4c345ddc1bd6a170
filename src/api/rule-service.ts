import { z } from 'zod';
import { LIMITS } from '../core/limits.js';
import type { RuleSets } from '../engine/rule-sets.js';
import {
  type CheckRulesRequest,
  type GetRuleSetRequest,
  type ListRuleSetsRequest,
  type PreviewRulesRequest,
  RuleService,
  RuleSetSchema,
} from '../gen/perennial/v1/rule_service_pb.js';
import { RuleChecker } from '../rule-tests/rule-checker.js';
import { liveNamesOf } from '../rules/admission.js';
import { wantedFields } from './field-mask.js';
import { timestamp } from './messages.js';
import { pageTokens, timeInToken } from './page-token.js';
import { pageSizeOf, timeOrNone } from './request.js';
import { type CallContext, type Rpc, unary } from './rpc.js';
import {
  changeMessage,
  differenceProblem,
  factMessage,
  impactMessage,
  problemMessage,
  ruleSetMessage,
} from './rule-messages.js';
import { invalidFields } from './validate.js';

const tokens = pageTokens('ListRuleSets', z.strictObject({ recordedAt: timeInToken, revision: z.string() }));

export function ruleService(sets: RuleSets): readonly Rpc[] {
  const checker = new RuleChecker();

  const getRuleSet = async ({ revision, readMask }: GetRuleSetRequest, { signal }: CallContext) => {
    const wanted = wantedFields(RuleSetSchema, readMask);
    return wanted.of(ruleSetMessage(await sets.get(revision === '' ? undefined : revision, signal)));
  };

  const listRuleSets = async (request: ListRuleSetsRequest, { signal }: CallContext) => {
    const pageSize = pageSizeOf(request.pageSize);
    const after = tokens.read(request.pageToken, {});
    // One more than asked for tells whether there is a next page.
    const position = after === undefined ? {} : { after };
    const found = await sets.list({ ...position, limit: pageSize + 1 }, signal);
    const page = found.slice(0, pageSize);
    const last = page.at(-1);
    const live = sets.live.revision;
    return {
      ruleSets: page.map(({ revision, recordedAt, fileNames }) => ({
        revision,
        live: revision === live,
        firstLiveTime: timestamp(recordedAt),
        fileNames: [...fileNames],
      })),
      nextPageToken:
        found.length > pageSize && last !== undefined
          ? tokens.write({ recordedAt: last.recordedAt, revision: last.revision }, {})
          : '',
    };
  };

  const listFacts = async () => ({ facts: sets.facts.map(factMessage) });

  const check = async ({ files, skipPresentValues }: CheckRulesRequest, { signal }: CallContext) => {
    const given = filesOf(files);
    const { live, catalogue } = sets;
    const present = skipPresentValues ? undefined : await sets.presentValues(signal);
    const { revision, problems, differences, changes } = await checker.check(
      {
        files: given,
        catalogue,
        live: { names: liveNamesOf(live), files: live.files },
        ...(present === undefined ? {} : { present }),
      },
      signal,
    );
    return {
      ok: revision !== null,
      revision: revision ?? '',
      problems: [...problems, ...differences.map(differenceProblem)].map(problemMessage),
      changes: changes.map(changeMessage),
    };
  };

  const preview = async ({ files, revision, asOf }: PreviewRulesRequest, { signal }: CallContext) => {
    const at = timeOrNone('as_of', asOf);
    const given = revision === '' ? smallEnough(filesOf(files)) : (await sets.get(revision, signal)).files;
    const previewed = await sets.preview(given, at, signal);
    return {
      ...impactMessage(previewed.impact),
      liveRevision: previewed.liveRevision,
      revision: previewed.revision,
      changes: previewed.changes.map(changeMessage),
    };
  };

  const { method } = RuleService;
  return [
    unary(method.getRuleSet, 'lookup', getRuleSet),
    unary(method.listRuleSets, 'work', listRuleSets),
    unary(method.listFacts, 'lookup', listFacts),
    unary(method.checkRules, 'work', check),
    // As long as a person's query: what is quick does not wait behind it.
    unary(method.previewRules, 'query', preview),
  ];
}

/** Files by path, within the bounds that files in a folder have. */
function filesOf(files: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const wrong = Object.entries(files).flatMap(([path, text]) => {
    if (/^\/|(^|\/)\.\.?(\/|$)|\/\/|\/$/.test(path))
      return [{ field: `files["${path}"]`, description: 'is not a path within the rules folder' }];
    if (Buffer.byteLength(text) > LIMITS.fileBytes)
      return [{ field: `files["${path}"]`, description: `has more than ${LIMITS.fileBytes} bytes` }];
    return [];
  });
  if (wrong.length > 0) throw invalidFields(wrong);
  return new Map(Object.entries(files));
}

function smallEnough(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let bytes = 0;
  for (const text of files.values()) bytes += Buffer.byteLength(text);
  if (bytes <= LIMITS.previewRulesBytes) return files;
  const description = `have ${bytes} bytes together, more than ${LIMITS.previewRulesBytes}`;
  throw invalidFields([{ field: 'files', description }]);
}
