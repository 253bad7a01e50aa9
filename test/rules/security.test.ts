import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { coded, read } from './tree.ts';

describe('docs/security.md', () => {
  const page = read('docs/security.md');
  const rows = (page.split(/^## /m).find((part) => part.startsWith('Threats')) ?? '')
    .split('\n')
    .filter((line) => /^\| (?!attacker |---)/.test(line));

  it('names for each threat a test that exists', () => {
    expect(rows.length).toBeGreaterThan(15);
    const gone = rows.filter((row) => {
      const [, title = '', file = ''] = /\| "([^"]+)" in `([^`]+)` \|$/.exec(row) ?? [];
      return !existsSync(file) || !read(file).includes(title);
    });
    expect(gone).toEqual([]);
  });

  it('names only settings that exist', () => {
    const keys = read('docs/configuration.md');
    const named = coded(page).filter((code) => /^(http|safety|alerts|verification)\.[a-z.-]+$/.test(code));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((key) => !keys.includes(`| \`${key}\``) && !keys.includes(`| \`${key}.`))).toEqual([]);
  });
});
