/** Opens a session of the installed endpoint and tries commands in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Engine } from '../engines.ts';
import type { Shell } from './shell.ts';
import type { Site } from './site.ts';

export type Attempt =
  | { command: string; text?: Record<string, string>; values?: Record<string, unknown> }
  | { script: string };

export interface Outcome {
  rows: string[];
  error: string;
  /** PowerShell's error id. */
  id: string;
}

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

/** In this process, as Windows loads it, or over remoting, which parses the requests of a client. */
export async function session(engine: Engine, shell: Shell, at: Site, how: 'local' | 'remote', attempts: Attempt[]) {
  const modules = join(at.module(), '..');
  const role = join(at.module(), 'RoleCapabilities');
  const [capability = ''] = readdirSync(role);
  // Loads replacements for the commands of Windows, so that no real one runs.
  const replaced = readFileSync(join(role, capability), 'utf8').replace(
    "ModulesToImport  = 'SecondResponder'",
    "ModulesToImport  = 'WindowsCommands', 'SecondResponder'",
  );
  if (!replaced.includes('WindowsCommands')) throw new Error('The commands of Windows are not replaced.');
  writeFileSync(join(role, capability), replaced);

  const copies = at.on('EX1', 'SessionConfig');
  const registered = join(copies, readdirSync(copies)[0] ?? '');
  const overRemoting = join(at.root, 'remoting.pssc');
  writeFileSync(
    overRemoting,
    replaced.replace(
      '@{',
      "@{\nSchemaVersion = '2.0.0.0'\nSessionType = 'RestrictedRemoteServer'\nLanguageMode = 'NoLanguage'\n",
    ),
  );
  const programs = join(at.root, 'programs');
  mkdirSync(programs, { recursive: true });
  writeFileSync(
    join(programs, 'ssh'),
    `#!/bin/sh\nexec "${engine.executable}" -NoLogo -NoProfile -SSHServerMode -ConfigurationFile "${overRemoting}"\n`,
    { mode: 0o755 },
  );

  const file = join(at.root, 'attempts.json');
  const encoded = attempts.map((attempt) =>
    'script' in attempt
      ? { script: base64(attempt.script) }
      : {
          command: base64(attempt.command),
          text: Object.fromEntries(Object.entries(attempt.text ?? {}).map(([name, value]) => [name, base64(value)])),
          values: attempt.values ?? {},
        },
  );
  writeFileSync(file, JSON.stringify(encoded));
  const { result } = await shell.request<{ roles: string[]; answers: Outcome[] }>(at.root, {
    attempts: file,
    configuration: registered,
    remote: how === 'remote',
    programs,
    modules: [modules, resolve('test/powershell/jea/modules')].join(delimiter),
  });
  const changes = join(at.root, 'changes');
  return {
    ...result,
    changes: existsSync(changes) ? readFileSync(changes, 'utf8').split('\n').filter(Boolean) : [],
  };
}
