import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger, describe as inWords, type LogOptions } from '../../../src/adapters/telemetry/index.ts';
import { localTime } from '../../../src/adapters/telemetry/log.ts';
import type { Entry, IncidentEvent } from '../../../src/incident/event.ts';
import { INCIDENT, NOW } from '../http/fake.ts';

function capture(options: Partial<LogOptions> = {}, isTTY = false) {
  let text = '';
  const stream = Object.assign(
    new Writable({
      write(part, _encoding, done) {
        text += part;
        done();
      },
    }),
    { isTTY },
  );
  const logger = createLogger({ level: 'info', format: 'auto', ...options, stream });
  return { logger, lines: () => text.split('\n').filter(Boolean) };
}

/** DEL, C1, marks of direction, and what shows nothing. */
const HIDDEN = [
  '7f',
  '80',
  '85',
  '9b',
  '9f',
  'ad',
  '61c',
  '200b',
  '200e',
  '2028',
  '202e',
  '2066',
  '2069',
  'feff',
  'fff9',
];

describe('for machines', () => {
  it('a line is JSON, with the incident it belongs to', () => {
    const { logger, lines } = capture();
    logger.child({ incident: 'inc-1' }).warn('trouble', { server: 'mbx1' });
    expect(JSON.parse(lines()[0]!)).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      level: 'warn',
      message: 'trouble',
      incident: 'inc-1',
      server: 'mbx1',
    });
  });

  it('what is less important than the level is not written', () => {
    const { logger, lines } = capture({ level: 'warn' });
    logger.info('no');
    logger.error('yes');
    expect(lines()).toHaveLength(1);
  });

  it('secrets are not written, wherever they stand', () => {
    const { logger, lines } = capture();
    const details = {
      token: 'S3',
      http: { tokens: [{ name: 'a', signingSecret: 'S3' }] },
      headers: { Authorization: 'Bearer S3' },
    };
    logger.info('config', details);
    expect(lines()[0]).not.toContain('S3');
    expect(lines()[0]).toContain('"name":"a"');
    expect(details.token).toBe('S3');
  });

  it.each(HIDDEN)('U+%s is an escape, and the value is the same', (code) => {
    const { logger, lines } = capture();
    const char = String.fromCodePoint(Number.parseInt(code, 16));
    logger.info(`a${char}b`, { [`k${char}`]: [char] });
    expect(lines()[0]).not.toContain(char);
    expect(JSON.parse(lines()[0]!)).toMatchObject({ message: `a${char}b`, [`k${char}`]: [char] });
  });

  it('an error is written with what led to it', () => {
    const { logger, lines } = capture();
    logger.error('defect', { error: new TypeError('oh') });
    expect(JSON.parse(lines()[0]!).error).toContain('TypeError: oh\n    at ');
  });
});

describe('for people', () => {
  it('colours only on a terminal', () => {
    const terminal = capture({}, true);
    terminal.logger.info('hello');
    expect(terminal.lines()[0]).toContain('\u001b[');
    const file = capture({ format: 'human' });
    file.logger.info('hello', { a: 1 });
    expect(file.lines()[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d info {2}hello \{"a":1\}$/);
  });

  it('text from outside cannot break a line or paint the terminal', () => {
    const { logger, lines } = capture({ format: 'human' });
    logger.info('title "a\n2024 error all is lost\u001b[2J\u009b31m"', { title: '\u001b[2J\u009b' });
    expect(lines()).toHaveLength(1);
    for (const code of ['\u001b', '\u009b']) expect(lines()[0]).not.toContain(code);
  });

  it.each(HIDDEN)('U+%s is shown', (code) => {
    const { logger, lines } = capture({ format: 'human' });
    const char = String.fromCodePoint(Number.parseInt(code, 16));
    logger.info(`a${char}b`, { title: `a${char}b` });
    expect(lines()[0]).not.toContain(char);
    expect(lines()[0]?.toLowerCase()).toContain(code);
  });

  it('times are local, with the offset', () => {
    expect(Date.parse(localTime(new Date(NOW)).replace(' ', 'T').replace(' ', ''))).toBe(NOW);
  });
});

describe('events in words', () => {
  const verified = { monitors: [], evidence: [], startedAt: NOW };
  const intent = { command: 'Restart-Service', server: 'mbx1', arguments: {}, fence: {} };

  it.each<[IncidentEvent, string, string]>([
    [
      {
        type: 'opened',
        data: { id: 'i', server: 'mbx1', family: 'IMAP', alert: { ...INCIDENT.alerts[0]!, title: 'T "q"' } },
      },
      'info',
      'opened by an alert from generic: "T \\"q\\""',
    ],
    [
      { type: 'opened', data: { id: 'i', server: 'mbx1', family: 'IMAP', parent: { incident: 'p', root: 'p', n: 8 } } },
      'info',
      'opened for step 8 of p',
    ],
    [{ type: 'attached', data: { alerts: [INCIDENT.alerts[0]!] } }, 'info', 'another alert from generic (firing)'],
    [
      { type: 'verified', data: { ...verified, verdict: 'confirmed', reason: 'the probe fails', purpose: 'first' } },
      'info',
      'confirmed: the probe fails',
    ],
    [
      { type: 'verified', data: { ...verified, verdict: 'inconclusive', reason: 'no answer', purpose: 'first' } },
      'warn',
      'inconclusive: no answer',
    ],
    [{ type: 'matched', data: { playbook: null, reason: 'none handles it' } }, 'warn', 'no playbook: none handles it'],
    [
      { type: 'matched', data: { playbook: { name: 'p', hash: 'h', mode: 'auto' }, handles: [], plan: [] } },
      'info',
      'playbook p (auto, h), 0 steps',
    ],
    [
      { type: 'held', data: { n: 1, guard: 'maintenance', reason: 'window', says: 'until 5' } },
      'info',
      'step 1 waits (maintenance): until 5',
    ],
    [
      { type: 'held', data: { n: 1, guard: 'mode', reason: 'approval', says: 'asks', approval: true } },
      'warn',
      'step 1 waits (mode): asks',
    ],
    [{ type: 'approved', data: { by: 'jane', note: 'go' } }, 'info', 'approved by jane ("go")'],
    [{ type: 'rejected', data: { by: 'jane' } }, 'warn', 'rejected by jane'],
    [{ type: 'rejected', data: { by: '', expired: true } }, 'warn', 'not approved in time'],
    [{ type: 'stepStarted', data: { n: 1, note: {} } }, 'info', 'step 1 (restart-service) begins'],
    [
      { type: 'stepStarted', data: { n: 1, note: {}, intent } },
      'warn',
      'step 1 (restart-service) sends Restart-Service to mbx1',
    ],
    [{ type: 'stepFinished', data: { n: 2, state: 'done', says: 'well' } }, 'info', 'step 2 (recheck) done: well'],
    [{ type: 'stepFinished', data: { n: 2, state: 'refused', says: 'no' } }, 'warn', 'step 2 (recheck) refused: no'],
    [
      { type: 'childOpened', data: { n: 2, incident: 'c', server: 'mbx2', joined: false } },
      'info',
      'step 2 (recheck) opened c on mbx2',
    ],
    [{ type: 'slept', data: { until: NOW, for: 'look', says: 'later' } }, 'debug', 'waits: later'],
    [{ type: 'undoStarted', data: { undo: '3:x', intent } }, 'info', 'puts back 3:x: sends Restart-Service to mbx1'],
    [{ type: 'undone', data: { undo: '3:x', state: 'putBack', says: 'ok' } }, 'info', '3:x putBack: ok'],
    [{ type: 'undone', data: { undo: '3:x', state: 'failed', says: 'no' } }, 'error', '3:x failed: no'],
    [{ type: 'cancelled', data: { by: 'jane' } }, 'warn', 'cancelled by jane'],
    [
      { type: 'finished', data: { outcome: 'recovered', reason: 'healthy', left: [], owed: [] } },
      'info',
      'recovered: healthy',
    ],
    [
      { type: 'finished', data: { outcome: 'escalated', reason: 'ill', left: ['drained'], owed: [] } },
      'warn',
      'escalated: ill; kept: drained',
    ],
    [
      { type: 'finished', data: { outcome: 'recovered', reason: 'ok', left: [], owed: ['log'] } },
      'error',
      'recovered: ok; NOT UNDONE: log',
    ],
  ])('%j', (event, level, message) => {
    const entry: Entry = { seq: 1, at: NOW, worker: 'w', version: 1, previous: '', ...event };
    expect(inWords(entry, INCIDENT)).toEqual({ level, message: `mbx1 IMAP.Protocol: ${message}` });
  });
});

it('loses lines that its disk does not take, and says how many once it does again, on a line of its own', async () => {
  let full = false;
  let text = '';
  const write = (line: string, done: (error: Error | null) => void) => {
    // Half a line fits.
    text += full ? line.slice(0, 9) : line;
    queueMicrotask(() => done(full ? new Error('ENOSPC: no space left on device, write') : null));
    return true;
  };
  const log = createLogger({ level: 'info', format: 'json', stream: Object.assign(new Writable(), { write }) });
  for (const [message, room] of [
    ['one', true],
    ['two', false],
    ['three', false],
    ['four', true],
  ] as const) {
    full = !room;
    log.info(message);
    await Promise.resolve();
  }
  const lines = text.split('\n').filter((line) => line.endsWith('}'));
  expect(lines.map((line) => JSON.parse(line).message)).toEqual([
    'one',
    'four',
    '2 earlier log lines could not be written (ENOSPC: no space left on device, write)',
  ]);
});
