import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { ConfigError } from '../../../src/config/problems.ts';
import { parseRecording, readRecording, whyNotWritable, writeRecording } from '../../../src/recording/file.ts';

const FIXTURE = 'test/fixtures/recordings/exchange-2016.json';
const text = readFileSync(FIXTURE, 'utf8');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recording-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a recording in a file', () => {
  it('is read as it was written, and its times are readable for people', () => {
    const file = join(folder, 'a.json');
    const recording = readRecording(FIXTURE);
    writeRecording(file, recording);
    expect(readRecording(file)).toEqual(recording);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(text));
    expect(JSON.parse(readFileSync(file, 'utf8')).recordedAt).toBe('2026-11-18T05:12:07.413Z');
  });

  it('is readable by its owner only, and leaves no other file behind', () => {
    const file = join(folder, 'a.json');
    writeRecording(file, readRecording(FIXTURE));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it('never replaces another file, not even one created meanwhile', () => {
    const file = join(folder, 'a.json');
    expect(whyNotWritable(file)).toBeUndefined();
    writeFileSync(file, 'precious');
    expect(whyNotWritable(file)).toMatch(
      /a\.json already exists and is not overwritten: name another file with --output$/,
    );
    expect(() => writeRecording(file, readRecording(FIXTURE))).toThrow(/a\.json already exists/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it('is complete or absent: a failed write leaves nothing behind', () => {
    const file = join(folder, 'a.json');
    const recording = { ...readRecording(FIXTURE), recordedAt: Number.NaN };
    expect(() => writeRecording(file, recording)).toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a missing folder is reported in plain words', () => {
    const file = join(folder, 'no', 'a.json');
    expect(whyNotWritable(file)).toMatch(/no: no such file or folder$/);
    expect(() => writeRecording(file, readRecording(FIXTURE))).toThrow(/a\.json cannot be written: ENOENT/);
    mkdirSync(join(folder, 'is-one.json'));
    expect(() => readRecording(join(folder, 'is-one.json'))).toThrow(/is-one\.json: is a folder, not a file/);
  });
});

/** The fixture with one place of it changed. */
function changed(change: (data: Record<string, never>) => void): string {
  const data = JSON.parse(text) as Record<string, never>;
  change(data);
  return JSON.stringify(data);
}

const at = (data: unknown, ...path: (string | number)[]) =>
  path.reduce((here, key) => (here as Record<string | number, unknown>)[key], data) as Record<string, unknown>;

describe('a problem is reported with its position and a suggestion:', () => {
  const rows: [says: string, written: string, why: RegExp][] = [
    ['no JSON', '{"format": ', /^x\.json: is not valid JSON: /],
    [
      'another file',
      '{"name": "x"}',
      /^x\.json: is not a recording: its "format" is not "second-responder recording"$/,
    ],
    ['a list', '[]', /^x\.json: is not a recording: /],
    [
      'a later version',
      changed((data) => Object.assign(data, { version: 2 })),
      /^x\.json: \/version: is not 1, the only supported version$/,
    ],
    [
      'an unknown key',
      changed((data) => Object.assign(at(data, 'servers', 1, 'serverHealth', 'value', 3), { alertVaule: 1 })),
      /^x\.json: \/servers\/1\/serverHealth\/value\/3\/alertVaule: unknown key; did you mean "alertValue"\?$/,
    ],
    [
      'an unknown call',
      changed((data) => Object.assign(at(data, 'servers', 0), { bootTme: {} })),
      /^x\.json: \/servers\/0\/bootTme: unknown key; did you mean "bootTime"\?$/,
    ],
    [
      'a value that Exchange does not have',
      changed((data) => Object.assign(at(data, 'servers', 0, 'serverHealth', 'value', 0), { alertValue: 'Healty' })),
      /^x\.json: \/servers\/0\/serverHealth\/value\/0\/alertValue: must be .*; did you mean "Healthy"\?$/,
    ],
    [
      'an invalid time',
      changed((data) => Object.assign(at(data, 'servers', 0, 'bootTime', 'value'), { bootedAt: 17 })),
      /^x\.json: \/servers\/0\/bootTime\/value\/bootedAt: is not a time such as "2026-/,
    ],
    [
      'both a value and a failure',
      changed((data) => Object.assign(at(data, 'organisation'), { failure: { code: 'refused', says: '' } })),
      /^x\.json: \/organisation: must have either a value and warnings, or a failure$/,
    ],
    [
      'neither',
      changed((data) => Object.assign(data, { organisation: { at: at(data, 'organisation').at, ms: 1 } })),
      /^x\.json: \/organisation: must have either a value and warnings, or a failure$/,
    ],
    [
      'a value without its warnings',
      changed((data) => {
        delete at(data, 'groups', 0, 'availabilityGroup').warnings;
      }),
      /^x\.json: \/groups\/0\/availabilityGroup: has a value but no warnings: write \[\] for none$/,
    ],
    [
      'warnings without a value, outside of probes',
      changed((data) => {
        delete at(data, 'groups', 0, 'availabilityGroup').value;
      }),
      /^x\.json: \/groups\/0\/availabilityGroup: has warnings but no value$/,
    ],
    [
      'a name as long as a book',
      changed((data) => Object.assign(at(data, 'databases', 0), { database: 'x'.repeat(500) })),
      /^x\.json: \/databases\/0\/database: is longer than 400 characters/,
    ],
    [
      'a name with control characters',
      changed((data) => Object.assign(at(data, 'databases', 0), { database: '\u001b[2J' })),
      /^x\.json: \/databases\/0\/database: contains control characters$/,
    ],
    [
      'more elements than allowed',
      changed((data) =>
        Object.assign(at(data, 'servers', 0, 'activity'), { value: Array(101).fill({ kind: 'setup', says: '' }) }),
      ),
      /^x\.json: \/servers\/0\/activity\/value: has more than 100 elements$/,
    ],
  ];
  it.each(rows)('%s', (_, written, why) => {
    expect(() => parseRecording(written, 'x.json')).toThrow(
      expect.objectContaining({ message: expect.stringMatching(why) }),
    );
  });

  it('at most fifty problems are reported', () => {
    const written = changed((data) =>
      Object.assign(at(data, 'servers', 0, 'services'), { value: Array(1_000).fill({}) }),
    );
    expect(() => parseRecording(written, 'x.json')).toThrow(
      expect.objectContaining({ problems: expect.objectContaining({ length: 50 }) }),
    );
  });

  it('a file that is not there', () => {
    expect(() => readRecording(join(folder, 'gone.json'))).toThrow(/gone\.json: no such file or folder$/);
  });

  it('any content is either read or refused with a problem', () => {
    const anywhere = fc.tuple(fc.nat(text.length), fc.nat(40), fc.oneof(fc.string(), fc.json()));
    fc.assert(
      fc.property(fc.oneof(fc.json(), anywhere), (given) => {
        const written =
          typeof given === 'string' ? given : text.slice(0, given[0]) + given[2] + text.slice(given[0] + given[1]);
        try {
          parseRecording(written, 'x.json');
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 150 },
    );
  });
});
