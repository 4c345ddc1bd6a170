// Preloaded into a process whose memory a test measures: SIGUSR2 has what nothing holds collected at once, rather than some time.
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => collect());
