/** What a far side that was taken over could answer, and what a probe could print. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { labHttpExchange, type RemoteLab } from '../../src/adapters/lab/http.ts';
import { labExchange } from '../../src/adapters/lab/in-process.ts';
import { createLab } from '../../src/lab/lab.ts';
import { type Exchange, ExchangeError, type Reply } from '../../src/ports/exchange.ts';
import { readReply } from '../../src/ports/replies.ts';
import { loadCatalog } from '../../src/verification/catalog.ts';
import { createVerifier } from '../../src/verification/verify.ts';
import { NINE, stubExchange } from '../support/stub.ts';
import { failsOnlyWith, fuzz, mutated, spliced, text, value } from './fuzz.ts';

/** A good answer of every reading verb, as the lab gives it. */
const lab = createLab({ speed: 1 });
const exchange = labExchange(lab);
const good: [verb: keyof Exchange, reply: Reply<unknown>][] = await Promise.all([
  asked('organisation', exchange.organisation()),
  asked('serverHealth', exchange.serverHealth('mbx1')),
  asked('invokeProbe', exchange.invokeProbe('mbx1', 'IMAP.Protocol\\ImapSelfTestProbe')),
  asked('service', exchange.service('mbx1', 'MSExchangeIMAP4BE')),
  asked('services', exchange.services('mbx1')),
  asked('copiesOn', exchange.copiesOn('mbx1')),
  asked('mailboxServer', exchange.mailboxServer('mbx1')),
  asked('availabilityGroup', exchange.availabilityGroup('dag1')),
  asked('protocolLog', exchange.protocolLog('cas1', 'imap')),
  asked('componentStates', exchange.componentStates('cas1')),
  asked('recoveryActions', exchange.recoveryActions('mbx1', 0)),
  asked('activity', exchange.activity('mbx1')),
  asked('bootTime', exchange.bootTime('mbx1')),
]);
lab.close();

async function asked(verb: keyof Exchange, reply: Promise<Reply<unknown>>): Promise<[keyof Exchange, Reply<unknown>]> {
  return [verb, JSON.parse(JSON.stringify(await reply)) as Reply<unknown>];
}

/** A verb, and what is answered to it: for another one, in parts, or out of the air. */
const answered = fc.tuple(
  fc.constantFrom(...good.map(([verb]) => verb), 'restartService' as const),
  fc.oneof(mutated(...good.map(([, reply]) => reply)), value),
);
fuzz('replies', 'an answer matches its schema, or is badReply', answered, ([verb, reply]) => {
  failsOnlyWith(ExchangeError, () => {
    const read = readReply(verb, reply);
    expect(JSON.parse(JSON.stringify(readReply(verb, JSON.parse(JSON.stringify(read)))))).toEqual(
      JSON.parse(JSON.stringify(read)),
    );
  });
});

const TIME = { now: NINE, speed: 1, epoch: 'lab-1', virtual: false };
const [, health] = good.find(([verb]) => verb === 'serverHealth') ?? [];
const whole = { ...TIME, reply: health };
let server: Server;
let remote: RemoteLab;
let next: string | Buffer = '';
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(next.length % 7 === 0 ? 500 : 200, { 'Content-Type': 'application/json' }).end(next);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  remote = labHttpExchange({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
afterAll(() => {
  remote.close();
  server.closeAllConnections();
  server.close();
});

const documents = fc.oneof(
  mutated(whole, { ...TIME, failure: { code: 'refused', message: 'no' } }).map((body) => JSON.stringify(body) ?? ''),
  spliced(JSON.stringify(whole)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
fuzz('answers', 'over the wire too, and the clock keeps to what can be', documents, async (body) => {
  next = body;
  const failed = await remote.exchange.serverHealth('mbx1', { timeLimit: 5_000 }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failed !== undefined) expect(failed).toBeInstanceOf(ExchangeError);
  expect(Number.isFinite(new Date(remote.clock.now()).getTime())).toBe(true);
});

const organisation = good.find(([verb]) => verb === 'organisation')?.[1] as Reply<never>;
const catalog = loadCatalog('config/health-sets.yaml');
const printed = fc.oneof(spliced('IMAP failed. _Mbx: mbx1.contoso.com, proxied by cas1'), text);
const seen = fc.tuple(mutated(health), mutated(good.find(([verb]) => verb === 'invokeProbe')?.[1]), printed);
fuzz('verdicts', 'every output of a probe leads to a verdict', seen, async ([rows, run, error]) => {
  const verifier = createVerifier({
    exchange: stubExchange({
      organisation: async () => organisation,
      serverHealth: async () => readReply('serverHealth', rows),
      async invokeProbe() {
        const reply = readReply('invokeProbe', run);
        return reply.value ? { ...reply, value: { ...reply.value, error } } : reply;
      },
    }),
    catalog,
    clock: { now: () => NINE, speed: 1, epoch: 'contoso.com' },
    settings: { randomRuns: 2, backEndPattern: '_Mbx:\\s*([A-Za-z0-9._-]+)', rowGrace: 120_000, probeTimeLimit: 1_000 },
  });
  const look = await verifier.family({ server: 'mbx1', family: 'IMAP', hints: [{ healthSet: error }] });
  expect(['confirmed', 'cleared', 'inconclusive']).toContain(look.verdict);
  if (look.backEnd !== undefined) expect(look.backEnd).toMatch(/^(mbx|ex)\d$/);
});
