import { spawn } from 'node:child_process';
import { BOOTSTRAP_LINE, BOOTSTRAP_LOADER } from '../bootstrap.ts';
import { type Driver, SWITCHES } from './driver.ts';

const ARGUMENTS = [
  ...Object.entries(SWITCHES).flatMap(([name, value]) => (value === true ? [name] : [name, value])),
  // Letters, digits, `+`, `/` and `=`, which have no special meaning to any shell on the way to the remote machine.
  '-EncodedCommand',
  Buffer.from(BOOTSTRAP_LOADER, 'utf16le').toString('base64'),
];

/** Node's own child_process: the first line of input is the bootstrap, and the shell reads request lines until there are no more. */
export const childProcess: Driver = ({ executable, arguments: before, environment }) => {
  const child = spawn(executable, [...before, ...ARGUMENTS], { env: environment, windowsHide: true });
  child.stdin.write(`${BOOTSTRAP_LINE}\n`);

  let listen: (chunk: string) => void = () => {};
  // latin1 maps every byte to a character, so console output in other code pages can't break the reply's frame.
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
          // The closing nonce may arrive in two parts.
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
