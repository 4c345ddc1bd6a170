#!/usr/bin/env node
import { runProgram } from './program.js';
import { outliveReader, processTerminal } from './terminal.js';

outliveReader(process.stdout);
process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
