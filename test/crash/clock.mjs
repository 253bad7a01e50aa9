// Loaded before a daemon (NODE_OPTIONS=--import): the clock on the wall of its machine is wrong by as many milliseconds
// as stand in the file CRASH_CLOCK. Read at the start, and again when SIGUSR2 says that somebody has set it.
import { readFileSync } from 'node:fs';

const RealDate = globalThis.Date;
let offset = 0;

function read() {
  offset = Number(readFileSync(process.env.CRASH_CLOCK, 'utf8'));
}

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...given);
  }
  static now() {
    return RealDate.now() + offset;
  }
};
read();
process.on('SIGUSR2', read);
