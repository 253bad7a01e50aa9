/** Results as JUnit XML, as GitHub, GitLab and Jenkins read it. */

export interface JUnitCase {
  name: string;
  /** Real milliseconds. */
  took: number;
  /** Absent: it passed. */
  failure?: { message: string; text: string };
}

export interface JUnitSuite {
  /** Also the class of its cases. */
  name: string;
  file?: string;
  cases: JUnitCase[];
}

export function junit(name: string, suites: readonly JUnitSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name, ...counts(all) })}>`,
    ...suites.flatMap((suite) => [
      `  <testsuite ${attributes({ name: suite.name, ...counts(suite.cases), skipped: 0, ...(suite.file !== undefined && { file: suite.file }) })}>`,
      ...suite.cases.flatMap((one) => caseLines(one, suite)),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

function caseLines({ name, took, failure }: JUnitCase, suite: JUnitSuite): string[] {
  const open = `    <testcase ${attributes({ name, classname: suite.name, time: seconds(took), ...(suite.file !== undefined && { file: suite.file }) })}`;
  if (!failure) return [`${open}/>`];
  return [
    `${open}>`,
    `      <failure ${attributes({ message: failure.message, type: 'expectation' })}>${escaped(failure.text)}</failure>`,
    '    </testcase>',
  ];
}

const counts = (cases: readonly JUnitCase[]) => ({
  tests: cases.length,
  failures: cases.filter(({ failure }) => failure).length,
  errors: 0,
  time: seconds(cases.reduce((sum, { took }) => sum + took, 0)),
});

const seconds = (ms: number) => (ms / 1000).toFixed(3);

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(
      ([key, value]) =>
        `${key}="${escaped(String(value))
          .replaceAll('"', '&quot;')
          .replace(/[\t\n\r]/g, ' ')}"`,
    )
    .join(' ');
}

/** XML has no way to write most control characters and half of a pair: they are removed. */
const INVALID =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const escaped = (text: string) =>
  text.replace(INVALID, '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
