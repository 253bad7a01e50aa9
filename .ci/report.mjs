// node .ci/report.mjs FOLDER: what CI prints last. FOLDER holds a line "name status seconds" for each part in `parts`,
// its output in NAME.log, and for tests Vitest's report in NAME.json. Test files that failed in a suite that starts servers run once more, alone:
// servers started by tests on a busy machine of two cores are sometimes late. What fails twice fails the run; what passes
// then is named. Exits with 1 if any part failed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const folder = process.argv[2];
const STARTS_SERVERS = ['test', 'crash', 'test-full'];
const read = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

const WHOLE = '(the whole file)'; // which could not even be loaded
const testsOf = (report) =>
  report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const tests = assertionResults.map(({ fullName, status, failureMessages }) => ({
      file,
      test: fullName,
      status,
      message: failureMessages.join('\n').replace(/\n +at .*node_modules.*/g, ''),
    }));
    const whole = status === 'failed' && !tests.some((test) => test.status === 'failed') ? 'failed' : 'passed';
    return [...tests, { file, test: WHOLE, status: whole, message }];
  });
const failuresOf = (report) => testsOf(report).filter(({ status }) => status === 'failed');

/** Runs the files of these failures once more, alone, and returns the failures that did not pass now. */
function again(failures, suite) {
  const report = join(folder, `${suite}-again.json`);
  const files = [...new Set(failures.map(({ file }) => file))];
  console.log(`\n== Once more, alone: ${files.join(' ')}`);
  const run = ['vitest', 'run', ...files, '--no-file-parallelism', '--reporter=default', '--reporter=json'];
  spawnSync('npx', [...run, `--outputFile.json=${report}`], { stdio: 'inherit' });
  const passed = testsOf(read(report) ?? { testResults: [] }).filter(({ status }) => status === 'passed');
  return failures.filter(({ file, test }) => !passed.some((other) => other.file === file && other.test === test));
}

const parts = readFileSync(join(folder, 'parts'), 'utf8').trim().split('\n');
const lines = [];
const details = [];
for (const part of parts) {
  const [name, status, seconds] = part.split(' ');
  const report = read(join(folder, `${name}.json`));
  const failures = report === undefined ? [] : failuresOf(report);
  const twice = failures.length > 0 && STARTS_SERVERS.includes(name) ? again(failures, name) : failures;
  const once = failures.filter((failure) => !twice.includes(failure));
  // A suite can fail without a failed test: an unhandled error, a crash, a time limit.
  const unexplained = status !== '0' && failures.length === 0;
  const count = report && `${report.numPassedTests} passed, ${failures.length} failed, ${report.numPendingTests} skipped`;
  lines.push([name.padEnd(12), `${seconds} s`.padStart(7), `  ${count ?? (status === '0' ? 'passed' : 'failed')}`].join(''));
  for (const { file, test } of once) details.push(`FAILED ONCE, PASSED ALONE  ${file} > ${test}`);
  for (const { file, test, message } of twice) details.push(`FAILED  ${file} > ${test}\n${message.slice(0, 2_000)}\n`);
  if (unexplained) {
    const output = readFileSync(join(folder, `${name}.log`), 'utf8').trimEnd().split('\n');
    details.push(`FAILED  ${name}, exit status ${status}, without a failed test; its last lines:\n${output.slice(-40).join('\n')}\n`);
  }
  if (twice.length > 0 || unexplained) process.exitCode = 1;
}
console.log(`\n== Parts\n${lines.join('\n')}`);
if (details.length > 0) console.log(`\n${details.join('\n')}`);
console.log(process.exitCode === 1 ? '\nFAILED' : '\nPASSED');
