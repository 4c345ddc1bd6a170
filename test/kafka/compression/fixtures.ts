import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What fixtures/Fixtures.java wrote, with the libraries that Kafka itself packs with. */
export const fixture = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)));

const MESSAGES = 1_000;

const message = (i: number) =>
  `{"id":"signal-${i}","source":"fixture","type":"usage.core_action_completed","subject":"account-${(i * 7919) % 5000}",` +
  `"time":"2026-01-02T03:04:05.678Z","data":{"value":${1 + (i % 5)},"action_key":"action-${i % 40}",` +
  `"user_ref":"user-${(i * 31) % 503}","client":"web"}}`;

/** The messages of the batches, in order. */
export const messages: readonly string[] = Array.from({ length: MESSAGES }, (_, i) => message(i));

/** What the other files hold, but for the noise. */
export const text = Buffer.from(messages.map((line) => `${line}\n`).join(''));
