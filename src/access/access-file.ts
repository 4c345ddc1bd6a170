import { z } from 'zod';
import { PerennialError } from '../core/errors.js';
import { formatProblem, type Problem } from '../core/problem.js';
import { checkYaml, problemAt, readYaml } from '../core/yaml-file.js';
import { SCOPES } from './scope.js';

const name = z
  .string()
  .min(1)
  .max(256)
  .describe('Who it is: in logs, limits and the audit log. More than one entry may have it.');
const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .describe('What it may do: read, ingest, decide, approve, administer. None includes another.');
const callsPerSecond = z
  .number()
  .positive()
  .max(1_000_000)
  .optional()
  .describe('Calls a second, over all entries of this name; a burst of twice as many is let through.');
const expires = z.iso
  .datetime({ offset: true })
  .optional()
  .describe('From when on it is refused, such as 2027-01-01T00:00:00Z. Left out: never.');

export const accessFileSchema = z.strictObject({
  calls_per_second: callsPerSecond.describe('Calls a second of each caller that says nothing else.'),
  tokens: z
    .array(
      z.strictObject({
        name,
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in 64 hexadecimal digits: perennial token makes one')
          .describe('SHA-256 of the token. The token itself is nowhere kept; `perennial token` makes both.'),
        scopes,
        expires,
        calls_per_second: callsPerSecond,
      }),
    )
    .default([])
    .describe('Bearer tokens. One that is taken out is refused from then on.'),
  certificates: z
    .array(
      z.strictObject({
        name,
        subject: z
          .string()
          .min(1)
          .max(1_024)
          .describe(
            "The certificate's common name, or one of its DNS or URI names. TLS must have verified it by PERENNIAL_TLS_CLIENT_CA.",
          ),
        scopes,
        calls_per_second: callsPerSecond,
      }),
    )
    .default([])
    .describe('Client certificates.'),
  jwt: z
    .strictObject({
      jwks: z
        .string()
        .min(1)
        .describe('Where the public keys are: an https address, or a file beside this one.'),
      issuer: z.string().min(1).describe('`iss` that a token must have.'),
      audience: z.string().min(1).describe('`aud` that a token must have.'),
      scope_claim: z
        .string()
        .min(1)
        .default('scope')
        .describe('Claim with the scopes, as a list or as text with spaces between.'),
      scope_prefix: z
        .string()
        .default('')
        .describe('What precedes our scopes in the claim, such as "perennial.". Others are ignored.'),
      calls_per_second: callsPerSecond,
    })
    .optional()
    .describe('JSON Web Tokens of an identity provider.'),
});
export type AccessFile = z.infer<typeof accessFileSchema>;

/** Reads and checks a file of who may call. Throws `invalid_file` with every problem. */
export function parseAccessFile(path: string, text: string): AccessFile {
  const file = readYaml(path, text);
  const checked = checkYaml(file, accessFileSchema);
  if (checked.data === undefined) throw invalid(checked.problems);
  const problems: Problem[] = [];
  const seen = new Set<string>();
  checked.data.tokens.forEach(({ sha256 }, i) => {
    if (seen.has(sha256))
      problems.push(
        problemAt(
          file,
          ['tokens', i, 'sha256'],
          'token-twice',
          'Another entry has this token: give each its own.',
        ),
      );
    seen.add(sha256);
  });
  if (problems.length > 0) throw invalid(problems);
  return checked.data;
}

function invalid(problems: readonly Problem[]): PerennialError {
  return new PerennialError('invalid_file', problems.map(formatProblem).join('\n'), {
    hint: 'docs/api.md says what is in it; `perennial token` writes an entry.',
  });
}
