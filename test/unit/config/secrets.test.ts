/** Replacing secrets while the daemon runs, in every way in which files are replaced. */
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { followSecrets } from '../../../src/config/secrets.ts';

const OLD = 'old-old-old-old-old-1';
const NEW = 'new-new-new-new-new-2';

let folder: string;
let end: () => void;
let config: Config;
let told: string[];
const at = (name: string) => join(folder, name);
const look = (times = 2) => vi.advanceTimersByTime(times * 100);

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  told = [];
});
afterEach(() => {
  end();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

function begin(tokens = '{ name: a, role: sender, token-file: s }', notify = ''): void {
  writeFileSync(at('c.yaml'), `http: { tokens: [${tokens}] }\n${notify}`);
  config = loadConfig({ file: at('c.yaml'), env: {}, cwd: folder }).config;
  const note = (says: string) => told.push(says);
  end = followSecrets(config, { changed: note, trouble: note }, 100);
}

describe('a changed secret file is reloaded', () => {
  const ways: [string, () => void][] = [
    ['when it is overwritten', () => writeFileSync(at('s'), `${NEW}\n${OLD}\n`)],
    [
      'when another is renamed over it',
      () => {
        writeFileSync(at('s.new'), `${NEW}\r\n${OLD}\r\n`);
        renameSync(at('s.new'), at('s'));
      },
    ],
    [
      'when the clock stood still and its size is the same',
      () => {
        writeFileSync(at('s'), `${NEW}\n${OLD}`);
        utimesSync(at('s'), 1, 1);
      },
    ],
  ];
  it.each(ways)('%s', (_, replace) => {
    writeFileSync(at('s'), OLD);
    begin();
    replace();
    look();
    expect(config.http.tokens[0]?.token?.split(/\r?\n/)).toEqual([NEW, OLD]);
    expect(told).toEqual([expect.stringMatching(/s was reloaded: 2 secrets are in force$/)]);
  });

  it('when the link to its folder is swapped, as Kubernetes does', () => {
    for (const [version, text] of [
      ['1', OLD],
      ['2', NEW],
    ] as const) {
      mkdirSync(at(version));
      writeFileSync(at(`${version}/s`), text);
    }
    symlinkSync('1', at('..data'));
    symlinkSync('..data/s', at('s'));
    begin();
    symlinkSync('2', at('..next'));
    renameSync(at('..next'), at('..data'));
    look();
    expect(config.http.tokens[0]?.token).toBe(NEW);
  });

  it('also for a signature and a webhook', () => {
    for (const name of ['sign', 'hook']) writeFileSync(at(name), OLD);
    begin(
      '{ name: a, role: sender, signing-secret-file: sign }',
      'notify: [{ channel: webhook, url: "https://c.example/x", token-file: hook }]',
    );
    for (const name of ['sign', 'hook']) writeFileSync(at(name), NEW);
    look();
    expect([config.http.tokens[0]?.signingSecret, config.notify[0]]).toEqual([
      NEW,
      expect.objectContaining({ token: NEW }),
    ]);
  });

  it('but not before two reads return the same', () => {
    writeFileSync(at('s'), OLD);
    begin();
    writeFileSync(at('s'), `${NEW}-half-writ`);
    look(1);
    writeFileSync(at('s'), `${NEW}-half-written`);
    look(1);
    expect(config.http.tokens[0]?.token).toBe(OLD);
    look(1);
    expect(config.http.tokens[0]?.token).toBe(`${NEW}-half-written`);
  });
});

describe('the last valid secrets stay in use, and the problem is logged once', () => {
  const bad: [string, () => void, RegExp][] = [
    ['gone', () => unlinkSync(at('s')), /s: no such file or folder; the previous secrets stay in force$/],
    ['empty', () => writeFileSync(at('s'), '\n'), /s: is empty; the previous/],
    [
      'a folder',
      () => {
        unlinkSync(at('s'));
        mkdirSync(at('s'));
      },
      /s: is a folder, not a file; the previous/,
    ],
    ['too short', () => writeFileSync(at('s'), 'short'), /s: has fewer than 16 characters/],
    ["another's", () => writeFileSync(at('s'), 'of-somebody-else-entirely'), /each token needs its own; the previous/],
  ];
  it.each(bad)('when the file is %s', (_, spoil, says) => {
    writeFileSync(at('s'), OLD);
    begin('{ name: b, role: admin, token: of-somebody-else-entirely }, { name: a, role: sender, token-file: s }');
    spoil();
    look(10);
    expect(config.http.tokens[1]?.token).toBe(OLD);
    expect(told).toEqual([expect.stringMatching(says)]);
    expect(told.join()).not.toContain('of-somebody-else-entirely');
    rmSync(at('s'), { recursive: true, force: true });
    writeFileSync(at('s'), NEW);
    look();
    expect(config.http.tokens[1]?.token).toBe(NEW);
  });
});
