#!/usr/bin/env node
// In a clone, builds what is stale first, so that `npx perennial` always runs the code you see.
import { existsSync } from 'node:fs';

const clone = new URL('../scripts/prepare.mjs', import.meta.url);
if (existsSync(clone) && existsSync(new URL('../src', import.meta.url))) await import(clone.href);
await import('../dist/cli/main.js');
