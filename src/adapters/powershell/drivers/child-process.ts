import { spawn } from 'node:child_process';
import { BOOTSTRAP_LINE, BOOTSTRAP_LOADER } from '../bootstrap.ts';
import { type Driver, SWITCHES } from './driver.ts';

const ARGUMENTS = [
  ...Object.entries(SWITCHES).flatMap(([name, value]) => (value === true ? [name] : [name, value])),
  // Letters, digits, `+`, `/` and `=`: no shell on the way to the far machine reads anything into it.
  '-EncodedCommand',
  Buffer.from(BOOTSTRAP_LOADER, 'utf16le').toString('base64'),
];

/** Node's own child_process: the shell is brought the bootstrap by its first line, and reads request lines until there are none. */
export const childProcess: Driver = ({ executable, arguments: before, environment }) => {
  const child = spawn(executable, [...before, ...ARGUMENTS], { env: environment, windowsHide: true });
  child.stdin.write(`${BOOTSTRAP_LINE}\n`);

  let listen: (chunk: string) => void = () => {};
  // latin1 gives every byte its character: what the console writes in other code pages stays outside of the reply's frame.
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => listen(chunk));

  return {
    process: child,
    ask: (line, nonce) =>
      new Promise((resolve) => {
        const chunks: string[] = [];
        const close = ` ${nonce}`;
        let last = '';
        listen = (chunk) => {
          chunks.push(chunk);
          // The closing nonce may come cut in two.
          const seen = (last + chunk).includes(close);
          last = (last + chunk).slice(-close.length);
          if (!seen) return;
          listen = () => {};
          resolve(chunks.join(''));
        };
        child.stdin.write(`${line}\n`);
      }),
  };
};
