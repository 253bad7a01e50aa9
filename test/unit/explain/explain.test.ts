import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { explain, modeInWords } from '../../../src/explain/explain.ts';
import { createExplainer } from '../../../src/explain/explainer.ts';
import { toJson, writeAs } from '../../../src/explain/write.ts';
import { commandLine } from '../../../src/incident/command-line.ts';
import type { Playbook } from '../../../src/incident/plan.ts';
import { languageOf, loadPlaybooks, readPlaybooks } from '../../../src/playbooks/read.ts';
import type { Explanation } from '../../../src/ports/explanation.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';
import { bench } from '../../support/engine.ts';

const { config } = loadConfig({ env: {}, cwd: process.cwd() });
const catalog = loadCatalog(config.verification.catalog);
const language = languageOf(config, STEPS, catalog);
const ground = { config, catalog };
const shipped = loadPlaybooks(config.playbooks.directory, language);

function read(steps: string[], head: Record<string, string> = {}): Playbook {
  const keys = { playbook: 'p', summary: 's', handles: '[IMAP.Protocol\\ImapSelfTestMonitor]', mode: 'auto', ...head };
  const text = [...Object.entries(keys).map(([key, value]) => `${key}: ${value}`), 'steps:', ...steps].join('\n');
  return readPlaybooks([{ file: 'p.yaml', text }], language)[0] as Playbook;
}

const explained = (steps: string[], head?: Record<string, string>) => explain(read(steps, head), ground);

/** Throws unless every tag is closed, in order, and no character stands where XML forbids it. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, end, name, _attributes, empty) => {
      if (end) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name as string);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replace(/@media[^\n]*|\.[\w-]+[^\n]*/g, '')).not.toMatch(/[<>]/);
  expect(xml.match(/&(?!#\d+;)/g)).toBeNull();
}

/** Each line is one that the generator means to write: text cannot begin a statement of its own. */
function expectMermaid(text: string): void {
  const label = String.raw`(?:[\p{L}\p{M}\p{N} .,:·'-]|#\d+;|<br/>)*`;
  const node = String.raw`\w+(?:\(\["${label}"\]\)|\["${label}"\]|\[/"${label}"/\]|\{"${label}"\})?`;
  const line = new RegExp(
    String.raw`^(?:flowchart TD|  accTitle: ${label}|  ${node}|  \w+ (?:-- \w+ )?--> ${node}|  \w+ -\. [\w ]+ \.-> ${node})$`,
    'u',
  );
  expect(
    text
      .trimEnd()
      .split('\n')
      .filter((one) => !line.test(one)),
  ).toEqual([]);
}

describe.each(shipped.map((playbook) => [playbook.name, playbook] as const))(
  '%s, which is shipped',
  (name, playbook) => {
    test('has a runbook page that is up to date (npm run schemas writes it)', async () => {
      await expect(writeAs('md', await explain(playbook, ground))).toMatchFileSnapshot(
        `../../../docs/runbooks/${name}.md`,
      );
    });

    test('is explained in every format', async () => {
      const explanation = await explain(playbook, ground);
      expectWellFormed(writeAs('svg', explanation));
      expectMermaid(writeAs('mermaid', explanation));
      const html = writeAs('html', explanation);
      expectWellFormed(html.replace(/<!doctype html>|<meta[^>]*>/g, ''));
      const { flow } = toJson(explanation);
      for (const { n, step } of explanation.steps) {
        for (const drawn of [flow.svg, flow.mermaid]) expect(drawn).toContain(`${n} · ${step}`);
        expect(html).toContain(`<h3>${n}. ${step}</h3>`);
      }
    });

    test('has every command in its page, and each step says which step of the published page it is', async () => {
      const { steps } = await explain(playbook, ground);
      const html = writeAs('html', await explain(playbook, ground));
      for (const { commands, from } of steps) {
        expect(from).toMatch(
          /^steps? [\d.]+( and [\d.]+)? of Troubleshooting IMAP Health Set$|^ours: not on the page$/,
        );
        for (const line of commands.flatMap(({ changes }) => changes))
          expect(html).toContain(line.replaceAll("'", '&#39;'));
      }
    });
  },
);

test('the flow in the documentation is up to date', async () => {
  const playbook = shipped.find(({ name }) => name === 'imap-proxy') as Playbook;
  await expect(writeAs('svg', await explain(playbook, ground))).toMatchFileSnapshot(
    '../../../docs/images/imap-proxy-flow.svg',
  );
});

describe('the published page', () => {
  // docs/the-page.md: the steps of each procedure.
  test.each([
    ['imap-protocol', '1 2 3 4 4 5 7', '6'],
    ['imap-ctp', '1 2 3.1 3.2 3.3 3.4 3.5 3.6 3.7 ours ours 4 5 8', '6 7'],
    ['imap-proxy', '1 2 ours ours 3 4 5', ''],
    ['imap-load', '1 2 3 4.1 4.2 4 5 7', '6'],
  ])('%s has the steps %s, and %s as an undo', async (name, here, elsewhere) => {
    const explanation = await explain(shipped.find((one) => one.name === name) as Playbook, ground);
    const numbers = (text: string | undefined) => text?.match(/[\d.]*\d|^ours/g) ?? [];
    expect(explanation.steps.flatMap(({ from }) => numbers(from)).join(' ')).toBe(here);
    expect(explanation.elsewhere.flatMap(({ page }) => numbers(page)).join(' ')).toBe(elsewhere);
  });

  test.each([
    ['a comment before it', ['  # 3.2  As 1.', '  - recheck'], 'step 3.2 of The page', 'As 1.'],
    ['a comment behind it', ['  - recheck # 2'], 'step 2 of The page', undefined],
    ['several numbers', ['  # 3.6, 3.7: both', '  - recheck'], 'steps 3.6 and 3.7 of The page', 'both'],
    ['ours', ['  # (ours) because', '  - recheck'], 'ours: not on the page', 'because'],
    ['a number that counts something', ['  # 20 servers have it', '  - recheck'], undefined, '20 servers have it'],
    ['ours as a word', ['  # oursins', '  - recheck'], undefined, 'oursins'],
    ['no comment', ['  - recheck'], undefined, undefined],
    ['a # that is no comment', ['  - notify: "# 3"'], undefined, undefined],
  ])('%s', async (_, steps, from, note) => {
    const [step] = (await explained(steps, { page: 'The page, a part' })).steps;
    expect([step?.from, step?.note]).toEqual([from, note]);
  });

  test('a group gives each of its steps a number if there are as many', async () => {
    const group = [
      '  # 4.1 4.2  Drained first.',
      '  - when: { role: mailbox }',
      '    steps: [fail-over-databases, confirm-no-active-copies]',
    ];
    const { steps } = await explained(group, { page: 'Page' });
    expect(steps.map(({ from }) => from)).toEqual(['step 4.1 of Page', 'step 4.2 of Page']);
  });
});

describe('the commands', () => {
  test('that change something are those of a real incident on the lab', async () => {
    const { handle, lab } = bench();
    lab.post({ fault: 'imap-backend-wedged', server: 'mbx1' });
    await handle({ server: 'mbx1', healthSet: 'IMAP.Protocol' });
    const real = lab
      .commands()
      .filter(({ effect }) => effect === 'changed')
      .map(({ command, server, arguments: given }) =>
        commandLine(command, server, given).replaceAll('mbx1', 'server1'),
      );
    const { steps, putBack } = await explain(shipped.find(({ name }) => name === 'imap-protocol') as Playbook, ground);
    const said = steps.flatMap(({ commands }) => commands[0]?.changes ?? []);
    expect([...said, ...putBack.flatMap(({ commands }) => commands)]).toEqual(real);
  });

  test('are shown once where every kind of server gets the same', async () => {
    const { steps } = await explained(['  - restart-service: MSExchangeIMAP4BE', '  - recheck']);
    expect(steps.map(({ commands }) => commands.map(({ on }) => on))).toEqual([[[]], [[]]]);
  });

  test('differ by the kind of server, and say where a guard stops', async () => {
    const drain = ['  - fail-over-databases', '  - confirm-no-active-copies', '  - restart-server', '  - recheck'];
    const [first, , third] = (await explained(drain)).steps;
    expect(first?.commands.find(({ stops }) => stops)).toMatchObject({
      on: expect.arrayContaining(['a mailbox server (2013) without a database availability group']),
      changes: [],
      stops: expect.stringContaining('Guard dag: DB1 has only this copy'),
    });
    expect(third?.commands[0]?.reads).toContain('Get-DatabaseAvailabilityGroup -Identity DAG1 -Status');
  });
});

describe('words', () => {
  test.each([
    ['{ role: mailbox }', 'only if the server has the mailbox role'],
    [
      '{ role: client-access, dag: false }',
      'only if the server has the client access role and the server is no member of a database availability group',
    ],
    ['{ version: [2016, 2019] }', 'only if the server runs Exchange 2016 or 2019'],
    ['{ unhealthy: IMAP.Proxy }', 'only if IMAP.Proxy is unhealthy on the server at that time'],
  ])('the condition %s', async (when, words) => {
    const { steps } = await explained([`  - recheck:`, `    when: ${when}`, '  - recheck']);
    expect(steps[0]?.when).toBe(words);
  });

  test.each([
    ['auto', 'auto', undefined, 'auto: it acts without a person'],
    [
      'auto',
      'observe',
      undefined,
      'observe: it reports what it would do, and changes nothing (its file says auto; safety.mode limits it to observe)',
    ],
    [
      'auto',
      'auto',
      'approve',
      'approve: a person must approve its plan before the first change (its file says auto; its last runs did not help, so it is demoted to approve)',
    ],
  ] as const)('the mode %s under %s, demoted to %s', (written, most, demoted, says) => {
    expect(modeInWords({ name: 'p', mode: written }, { mode: most, restrictions: [] }, demoted).says).toBe(says);
  });

  test('the mode names restrictions for the playbook, and those for some servers', () => {
    const key = (n: number) => `playbooks.restrictions[${n}]`;
    const restrictions = [
      { key: key(0), playbooks: ['p'], mode: 'approve' as const },
      { key: key(1), groups: ['dag1'], mode: 'observe' as const },
      { key: key(2), groups: ['dag2'], mode: 'approve' as const },
      { key: key(3), playbooks: ['q'], mode: 'observe' as const },
    ];
    expect(modeInWords({ name: 'p', mode: 'auto' }, { mode: 'auto', restrictions }).says).toBe(
      'approve: a person must approve its plan before the first change (its file says auto; playbooks.restrictions[0] for p limits it to approve); playbooks.restrictions[1] for dag1 limits it to observe',
    );
  });

  test('what a step leads to names the next step, or a person at the end', async () => {
    const { steps } = await explained(['  - restart-service: MSExchangeIMAP4BE', '  - recheck']);
    expect(steps[0]?.results.join(' ')).toContain('hangs while stopping after the restart. Then step 2 follows.');
    expect(steps[1]?.results).toContain('Unhealthy: a person is notified.');
  });

  test('a playbook that changes nothing has no guards and nothing to put back', async () => {
    const { guards, putBack, mayStay } = await explained(['  - recheck']);
    expect([guards, putBack, mayStay]).toEqual([[], [], []]);
  });

  test('a playbook that fails its proof says so', async () => {
    const { problems } = await explained(['  - restart-server', '  - recheck']);
    expect(problems[0]).toContain('restarts the server although nothing proves that no database copy is active on it');
  });
});

describe('hostile text', () => {
  const EVIL =
    '<script>alert(1)</script> "q" \'s\' | `b` [x](javascript:alert(1)) \u202e\u0007 end ]] --> # 1. *a* & ©';
  const steps = [
    `  # 1  ${EVIL.replace('\u0007', '')}`,
    `  - notify: ${JSON.stringify(EVIL)}`,
    `  - escalate: ${JSON.stringify(`\`\`\`\n${EVIL}`)}`,
  ];
  let explanation: Explanation;
  const hostile = async () => {
    explanation ??= await explained(steps, { summary: JSON.stringify(EVIL), page: JSON.stringify(EVIL) });
    return explanation;
  };

  test('is text in HTML and SVG: no element, no attribute', async () => {
    const html = writeAs('html', await hostile());
    const svg = writeAs('svg', await hostile());
    expect(html).not.toMatch(/<script|javascript:alert\(1\)"|<a /i);
    expectWellFormed(svg);
    expectWellFormed(html.replace(/<!doctype html>|<meta[^>]*>/g, ''));
  });

  test('begins no statement in Mermaid', async () => expectMermaid(writeAs('mermaid', await hostile())));

  test('is text in Markdown: no link, code, table or HTML, and no fence ends early', async () => {
    const prose = writeAs('md', await hostile()).replace(/^(`{3,})\w*\n[\s\S]*?\n\1$/gm, '');
    expect(prose.replace(/\\./g, '')).not.toMatch(/[<>`|[\]]/);
  });

  test('shows hidden characters instead of obeying them', async () => {
    for (const format of ['md', 'html', 'svg', 'mermaid'] as const) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are searched for
      expect(writeAs(format, await hostile())).not.toMatch(/[\u202e\u0007]/);
    }
  });
});

test('the daemon explains what is in force: once, in its mode, and again after a reload', async () => {
  let playbooks = [read(['  - recheck'])];
  const explainer = createExplainer(() => ({ ...ground, playbooks }));
  const answer = async (mode: 'auto' | 'approve') => JSON.parse((await explainer('p', mode, 'json'))?.text ?? '');
  expect((await answer('auto')).mode.says).toBe('auto: it acts without a person');
  expect((await answer('approve')).mode).toMatchObject({ written: 'auto', inForce: 'approve' });
  playbooks = [read(['  - wait: 5m', '  - recheck'])];
  expect((await answer('auto')).steps).toHaveLength(2);
  expect(await explainer('gone', 'auto', 'json')).toBeUndefined();
});

test('the page allows exactly its own styles, and loads nothing', async () => {
  const html = writeAs('html', await explained(['  - recheck']));
  const styles = [...html.matchAll(/<style>([^<]*)<\/style>/g)].map(([, style = '']) => style);
  const { createHash } = await import('node:crypto');
  const sources = styles.map((style) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  expect(html).toContain(`content="default-src 'none'; style-src ${sources.join(' ')}"`);
  expect(html).not.toMatch(/ (style|on\w+|src|href)=/);
  expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
});
