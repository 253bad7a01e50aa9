import type { Readiness } from '../ports/operations.ts';
import { bad, type Check, type Finding, lineOf, look, ok, wordsOf } from './check.ts';
import type { DaemonFacts } from './context.ts';

/** The daemon of this configuration, if it is running. */
export const daemon: Check = {
  name: 'daemon',
  async run(context) {
    const { address, signal } = context;
    if (address === undefined) return [lineOf('daemon', ok('http.port is 0 (any free port): not checked'))];
    try {
      return [lineOf('daemon', findingOf(address, await context.daemon(address)))];
    } catch (error) {
      signal.throwIfAborted();
      return [lineOf('daemon', bad(`${address}: ${wordsOf(error)}`, NO_RESPONSE))];
    }
  },
};

const NO_RESPONSE = 'Something listens there but does not answer. If it is the daemon, check its log and restart it.';

function findingOf(address: string, found: DaemonFacts): Finding {
  switch (found.answers) {
    case 'nobody':
      return ok(`not running at ${address}`);
    case 'untrusted':
      return look(
        `cannot connect to ${address}: ${found.says}`,
        'Set NODE_EXTRA_CA_CERTS to a file with the certificate to trust. With http.tls.client-ca-file, query /readyz with a client certificate.',
      );
    case 'something':
      return bad(
        `unexpected response from ${address}: ${found.says}`,
        'If it is not a Second Responder daemon, stop it or set http.port to another port.',
      );
    case 'daemon':
      return readinessOf(address, found.readiness);
  }
}

function readinessOf(address: string, { ready, parts }: Readiness): Finding {
  const list = (some: Readiness['parts']) => some.map(({ part, says: words }) => `${part}: ${words}`).join('; ');
  if (ready) return ok(`ready at ${address}: ${list(parts)}`);
  return bad(
    `not ready at ${address}: ${list(parts.filter((part) => !part.ok))}`,
    'If the checks above are ok, the daemon runs with another or an older configuration, or under another account: restart it.',
  );
}
