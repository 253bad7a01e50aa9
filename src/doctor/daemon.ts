import type { Readiness } from '../ports/operations.ts';
import { bad, type Check, type Finding, lineOf, look, ok, wordsOf } from './check.ts';
import type { DaemonFacts } from './context.ts';

/** The daemon of this configuration, if it runs. */
export const daemon: Check = {
  name: 'daemon',
  async run(context) {
    const { address, signal } = context;
    if (address === undefined) return [lineOf('daemon', ok('takes any free port: not looked for'))];
    try {
      return [lineOf('daemon', findingOf(address, await context.daemon(address)))];
    } catch (error) {
      signal.throwIfAborted();
      return [lineOf('daemon', bad(`${address}: ${wordsOf(error)}`, HANGS))];
    }
  },
};

const HANGS =
  'Something listens there and does not answer. If it is the daemon, its log says more; stop it and start it again.';

function findingOf(address: string, found: DaemonFacts): Finding {
  switch (found.answers) {
    case 'nobody':
      return ok(`not running at ${address}`);
    case 'untrusted':
      return look(
        `something answers at ${address}, and could not be asked: ${found.says}`,
        'NODE_EXTRA_CA_CERTS names a file with the certificate to trust. With http.tls.client-ca-file, ask /readyz with a certificate of yours.',
      );
    case 'something':
      return bad(
        `at ${address} is something that can’t be understood: ${found.says}`,
        'If it is no Second Responder, stop it, or set http.port to another one.',
      );
    case 'daemon':
      return readinessOf(address, found.readiness);
  }
}

function readinessOf(address: string, { ready, parts }: Readiness): Finding {
  const says = (wanted: Readiness['parts']) => wanted.map(({ part, says: words }) => `${part}: ${words}`).join('; ');
  if (ready) return ok(`ready at ${address}: ${says(parts)}`);
  return bad(
    `not ready at ${address}: ${says(parts.filter((part) => !part.ok))}`,
    'If the lines above are fine, it runs with another configuration, as another account, or with what was there when it began: start it again.',
  );
}
