import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileWatch } from '../../../src/lib/file-watch.ts';

let folder: string;
let watch: FileWatch;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sr-watch-'));
  watch = new FileWatch();
});
afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);
const write = (name: string, text: string) => writeFileSync(path(name), text);
const changes = async () => (await watch.changes()).map((file) => basename(file));

it('reports a file that is written in place', async () => {
  write('a.json', '1');
  watch.follow([path('a.json')]);
  const changed = changes();
  write('a.json', '22');
  expect(await changed).toEqual(['a.json']);
});

it('reports a file that an editor replaces by another of its name, each time', async () => {
  write('a.yaml', '1');
  watch.follow([path('a.yaml')]);
  for (const text of ['one', 'two']) {
    const changed = changes();
    write('a.yaml.swap', text);
    renameSync(path('a.yaml.swap'), path('a.yaml'));
    expect(await changed).toEqual(['a.yaml']);
  }
});

it('reports new, changed and removed playbooks and scripts of a folder together, but no other file', async () => {
  write('b.yaml', '1');
  write('c.yml', '1');
  watch.follow([folder]);
  const changed = changes();
  write('notes.txt', 'not a playbook');
  write('a.yaml', '1');
  write('b.yaml', '22');
  rmSync(path('c.yml'));
  write('d.ps1', '1');
  expect((await changed).sort()).toEqual(['a.yaml', 'b.yaml', 'c.yml', 'd.ps1']);
});

it('reports each change once', async () => {
  write('a.yaml', '1');
  write('b.yaml', '1');
  watch.follow([folder]);
  for (const name of ['a.yaml', 'b.yaml']) {
    const changed = changes();
    write(name, 'another text');
    expect(await changed).toEqual([name]);
  }
});

it('reports what changed while nobody waited', async () => {
  write('a.yaml', '1');
  watch.follow([path('a.yaml')]);
  write('a.yaml', '22');
  watch.follow([path('a.yaml'), path('b.yaml')]);
  expect(await changes()).toEqual(['a.yaml']);
});

it('waits for a folder that does not exist yet', async () => {
  watch.follow([path('tests')]);
  const changed = changes();
  mkdirSync(path('tests'));
  write('tests/a.yaml', '1');
  expect(await changed).toContain('a.yaml');
});

it('goes on after its folder was removed and is there again', async () => {
  mkdirSync(path('tests'));
  write('tests/a.yaml', '1');
  watch.follow([path('tests')]);
  const gone = changes();
  rmSync(path('tests'), { recursive: true });
  expect(await gone).toContain('a.yaml');
  watch.follow([path('tests')]);
  const back = changes();
  mkdirSync(path('tests'));
  write('tests/a.yaml', '1');
  expect(await back).toContain('a.yaml');
});
