import { expect, test } from 'vitest';
import { site } from '../../../src/guards/site.ts';
import type { Verdict } from '../../../src/incident/health.ts';
import type { Action } from '../../../src/incident/planned-change.ts';
import { ExchangeError } from '../../../src/ports/exchange.ts';
import { facts, reply } from '../../support/stub.ts';
import { changeTo, context } from './context.ts';

const SERVERS = [facts('cas1'), facts('cas2'), facts('cas3', { site: 'Osaka' }), facts('mbx1'), facts('ex1')];

interface Case {
  says: string;
  on?: string;
  action?: Action;
  /** The verdict for each other server; cas2 and ex1 are in the same site. */
  seen?: Record<string, Verdict>;
  /** Components of the other servers that are out of service, by Managed Availability or by people. */
  out?: Record<string, string>;
  down?: string[];
  is: object;
}

const CASES: Case[] = [
  { says: 'another one of the site is healthy', seen: { cas2: 'cleared' }, is: { answer: 'allow' } },
  {
    says: 'the first one is not healthy, but the next one is',
    seen: { cas2: 'confirmed', ex1: 'cleared' },
    is: { answer: 'allow' },
  },
  {
    says: 'none is verified healthy',
    seen: { cas2: 'confirmed', ex1: 'inconclusive', cas3: 'cleared' },
    is: {
      answer: 'refuse',
      reason: 'no-other-server',
      says: 'No other client access server of Tokyo is known to be healthy (cas2: confirmed; ex1: inconclusive), so cas1 is not restarted by imap-protocol',
    },
  },
  {
    says: 'there is no other in its site',
    on: 'cas3',
    is: { answer: 'refuse', says: expect.stringContaining('there is no other') },
  },
  {
    says: 'one whose probe succeeds, although its component is out of service, serves nobody',
    seen: { ex1: 'confirmed' },
    out: { cas2: 'ImapProxy' },
    is: {
      answer: 'refuse',
      says: expect.stringContaining('(ImapProxy is Inactive on cas2, requested by HealthApi; ex1: confirmed)'),
    },
  },
  {
    says: 'one that is offline as a whole serves nobody',
    out: { cas2: 'SERVERWIDEOFFLINE', ex1: 'ServerWideOffline' },
    is: { answer: 'refuse', says: expect.stringContaining('ServerWideOffline is Inactive on ex1') },
  },
  {
    says: 'one with another component out of service serves this protocol',
    seen: { cas2: 'cleared' },
    out: { cas2: 'OwaProxy' },
    is: { answer: 'allow' },
  },
  {
    says: 'one that does not answer serves nobody',
    seen: { ex1: 'cleared' },
    down: ['cas2'],
    is: { answer: 'allow' },
  },
  { says: 'a mailbox server serves no clients', on: 'mbx1', is: { answer: 'allow' } },
  { says: 'a combined server does', on: 'ex1', seen: { cas1: 'cleared' }, is: { answer: 'allow' } },
  { says: 'a restart of a service', action: 'restart-service', is: { answer: 'allow' } },
];

test.each(CASES)('$says', async ({ on = 'cas1', action = 'restart-server', seen = {}, out = {}, down = [], is }) => {
  const target = SERVERS.find(({ server }) => server === on) ?? facts(on);
  const answer = await site.judge({
    ...context({
      change: changeTo(action),
      run: { handles: [{ healthSet: 'IMAP.Proxy', monitor: 'ImapProxyTestMonitor' }] },
      exchange: {
        serverHealth: async () => reply([]),
        componentStates: async (server) => {
          if (down.includes(server)) throw new ExchangeError('unreachable', 'away');
          const requesters = [{ requester: 'HealthApi', state: 'Inactive' as const }];
          return reply(out[server] ? [{ component: out[server], state: 'Inactive' as const, requesters }] : []);
        },
      },
      organisation: { id: 'contoso.com', servers: SERVERS },
      verifier: {
        family: async ({ server }) => {
          const verdict = seen[server];
          if (!verdict) throw new Error(`${server} was not expected to be verified`);
          return { verdict, reason: verdict, monitors: [], evidence: [] };
        },
      },
    }),
    target,
  });
  expect(answer).toMatchObject(is);
});
