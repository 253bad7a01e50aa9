import { spawn } from 'node:child_process';
import { BOOTSTRAP_LOOP } from '../bootstrap.ts';
import { type Driver, SWITCHES } from './driver.ts';

/** Node's own child_process: the bootstrap is the script that the shell runs, and it reads request lines until there are none. */
export const childProcess: Driver = ({ executable, environment }) => {
  const switches = Object.entries(SWITCHES).flatMap(([name, value]) => (value === true ? [name] : [name, value]));
  const script = Buffer.from(BOOTSTRAP_LOOP, 'utf16le').toString('base64');
  const child = spawn(executable, [...switches, '-EncodedCommand', script], { env: environment, windowsHide: true });

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
