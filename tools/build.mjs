/**
 * Builds dist/ where the tools for it are installed. Where they are not (`npm ci --omit=dev`, NODE_ENV=production) a dist/ that is there
 * already is used as it is; else a line says what to do. `--if-possible`, for npm's own `prepare`: an install never fails by it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isThere = (...path) => existsSync(join(root, ...path));
const windows = process.platform === 'win32';
const compiler = ['node_modules', '.bin', windows ? 'tsc.cmd' : 'tsc'];
// A dependency may bring the compiler; the types come with the tools only.
const tools = [compiler, ['node_modules', '@types', 'node'], ['node_modules', '@types', 'express']];

if (tools.every((path) => isThere(...path)) && isThere('src')) {
  // Otherwise what a source that was moved or deleted once became would stay, and be packed.
  for (const built of isThere('dist') ? readdirSync(join(root, 'dist'), { recursive: true }) : []) {
    const source = built.replace(/\.js(\.map)?$/, '.ts');
    if (source !== built && !isThere('src', source)) rmSync(join(root, 'dist', built));
  }
  const program = join(root, ...compiler);
  // What Windows runs there is a batch file.
  const { status, error } = spawnSync(windows ? `"${program}"` : program, ['-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
    shell: windows,
  });
  if (error) console.error(error.message);
  process.exitCode = status ?? 1;
} else if (isThere('dist', 'main.js')) {
  console.error('The tools to build with are not installed: dist/ is used as it is.');
} else {
  console.error(
    'Not built yet, as the tools for it are not installed: run "npm ci --include=dev" once, which builds, or copy dist/ from where it was built.',
  );
  process.exitCode = process.argv.includes('--if-possible') ? 0 : 1;
}
