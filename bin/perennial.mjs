#!/usr/bin/env -S node --max-semi-space-size=64
// Signals live from their arrival to their insert: with a larger nursery they are not copied on the way (docs/performance.md).
//
// In a clone, builds what is stale first, so that `npx perennial` always runs the code you see.
import { existsSync } from 'node:fs';

const clone = new URL('../scripts/prepare.mjs', import.meta.url);
if (existsSync(clone) && existsSync(new URL('../src', import.meta.url))) await import(clone.href);
await import('../dist/cli/main.js');
