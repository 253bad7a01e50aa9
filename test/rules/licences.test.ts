import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { read } from './tree.ts';

/** Licences that require nothing but their notice. To accept another one, add it here. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'Unlicense'];

interface Locked {
  license?: string;
  version?: string;
  dev?: boolean;
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
const project = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);

/** `MIT OR GPL-3.0` offers a choice; `MIT AND GPL-3.0` does not. */
function permissive(licence: string): boolean {
  return licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((each) => PERMISSIVE.includes(each)));
}

describe('shipped packages', () => {
  it('all have a permissive licence', () => {
    expect(shipped.length).toBeGreaterThan(50);
    const others = shipped.filter(([, { license }]) => !permissive(license ?? ''));
    expect(others.map(([path, { license }]) => `${path}: ${license ?? 'none said'}`)).toEqual([]);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['MIT AND GPL-3.0', false],
    ['GPL-3.0', false],
    ['SEE LICENSE IN FILE', false],
    ['', false],
  ])('%j is permissive: %s', (licence, is) => {
    expect(permissive(licence)).toBe(is);
  });

  it('are in the bill of materials, which marks development packages', { timeout: 60_000 }, () => {
    const bill = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], { encoding: 'utf8' })) as Bill;
    expect(bill.bomFormat).toBe('CycloneDX');
    const marked = bill.components.filter(({ properties = [] }) =>
      properties.some(({ name }) => name.endsWith(':development')),
    );
    const inside = bill.components.filter((component) => !marked.includes(component)).map(({ name }) => name);
    expect(Object.keys(project.dependencies ?? {}).filter((name) => !inside.includes(name))).toEqual([]);
    expect(marked.map(({ name }) => name)).toContain('vitest');
  });
});

interface Bill {
  bomFormat: string;
  components: { name: string; properties?: { name: string }[] }[];
}
