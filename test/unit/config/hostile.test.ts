/** Any content of a file is read, or its problems are reported with a position. No other error is ever thrown. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/config/config.ts';
import { ConfigError, zodProblems } from '../../../src/config/problems.ts';
import { camel, kebab, toSchemaSpelling } from '../../../src/config/spelling.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { readCatalog } from '../../../src/verification/catalog.ts';
import { read } from '../playbooks/language.ts';

const WORDS = [
  ...['http', 'port', 'body-limit', 'tokens', 'notify', 'channel', 'webhook', 'health-sets', 'monitors', 'depends-on'],
  ...[
    'playbook',
    'handles',
    'steps',
    'when',
    'role',
    'version',
    'recheck',
    'wait',
    'escalate',
    'restart-service',
    'name',
  ],
  ...[
    'IMAP\\ImapCTPMonitor',
    '10m',
    '5',
    'true',
    'null',
    '~',
    '""',
    '__proto__',
    'constructor',
    'toString',
    '<<',
    '正常性',
  ],
  ...[
    ': ',
    ':\n',
    ':\n  ',
    ':\n    ',
    '- ',
    '\n',
    '\n  ',
    '\n    - ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    '---\n',
    '...\n',
    '# ',
  ],
  ...['&a ', '*a', '!!binary ', '!js ', '? ', '| ', '> ', '"', "'", '%YAML 1.2\n', '\t', '\u0000', '\uFEFF'],
];
const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(''));

const readConfig = (yaml: string) => {
  const source = parseYaml(yaml, 'c.yaml', { normalise: camel });
  const data = toSchemaSpelling(source.data ?? {}, configSchema, () => {});
  const result = configSchema.safeParse(data, { reportInput: true });
  if (!result.success) throw new ConfigError(zodProblems(result.error, configSchema, source.locate, kebab));
};

describe('any content of a file', () => {
  it.each([
    ['configuration', readConfig],
    ['catalog', (yaml: string) => readCatalog(parseYaml(yaml, 'c.yaml'))],
    ['playbooks', read],
  ])('%s: is read, or refused with a position', (_, reading) => {
    fc.assert(
      fc.property(text, (yaml) => {
        try {
          reading(yaml);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          const { problems } = error as ConfigError;
          expect(problems).not.toEqual([]);
          for (const { line, column, message } of problems) {
            expect(message).not.toBe('');
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
            expect(line).toBeLessThanOrEqual(yaml.split('\n').length + 1);
          }
        }
      }),
      { numRuns: 1500 },
    );
  });
});
