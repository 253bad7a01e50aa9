import { z } from 'zod';
import { hasSecret, positiveDuration } from '../schema.ts';

const HOST = /^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/;

const hostName = z.string().regex(HOST, 'is not a host name, such as "ex1.contoso.com"');

const endpoint = z
  .string()
  .refine(
    (text) => HOST.test(text) || isAddress(text),
    'is neither a host name nor an address such as "https://ex1.contoso.com/PowerShell/"',
  )
  .refine((text) => !hasSecret(text), 'holds a user, a password or a query: use exchange.credential-file');

function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

const keys = z.strictObject({
  kind: z
    .enum(['lab', 'powershell'])
    .prefault('lab')
    .describe(
      'Which organisation the daemon looks after: "lab", the simulated one, or "powershell", a real one. docs/exchange.md leads there.',
    ),
  url: z
    .url({ protocol: /^https?$/, error: 'is not an http address, such as "http://127.0.0.1:8090"' })
    .refine((url) => !hasSecret(url), 'holds a user, a password or a query, and a lab asks for none')
    .optional()
    .describe('A lab that runs as a process of its own. Absent: the lab lives in the daemon’s process.'),
  through: z
    .enum(['powershell'])
    .optional()
    .describe('Has that lab asked by PowerShell, as a real organisation would be: rehearses all that follows here.'),
  sessions: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'How many calls to Exchange this daemon makes at the same time: 16 on a lab, 3 by PowerShell, each in a shell of its own. Exchange allows a user 18 sessions unless told otherwise.',
    ),
  endpoints: z
    .array(endpoint)
    .prefault([])
    .describe(
      'Servers for the sessions with Exchange, by their full names, in the order in which they are tried. Name two at least: a session never goes to the server in question while another answers.',
    ),
  targets: z
    .enum(['jea', 'winrm'])
    .prefault('jea')
    .describe(
      'How Windows on the servers is reached: "jea", an endpoint that offers nothing but what is needed (deploy/jea), or "winrm", as an administrator.',
    ),
  targetSsl: z.boolean().prefault(false).describe('Whether it is reached by https (port 5986).'),
  credentialFile: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe(
      'A credential that Export-Clixml has written on the machine on which PowerShell runs. Absent: the account that it runs as.',
    ),
  domainController: hostName
    .optional()
    .describe('Where settings are read and written. Absent: looks go where the last change was written.'),
  unspecifiedTimes: z
    .enum(['utc', 'local'])
    .prefault('utc')
    .describe('What times of Exchange mean that come without saying it. `doctor` shows whether it fits.'),
  sessionIdle: positiveDuration
    .prefault('20s')
    .describe('How long a session is kept for the next look. None is held across a wait.'),
  shellIdle: positiveDuration.prefault('10m').describe('How long a PowerShell that has nothing to do is kept.'),
  driver: z
    .enum(['node-powershell', 'child_process'])
    .prefault('node-powershell')
    .describe('What starts PowerShell and talks to it.'),
  executable: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe('PowerShell: a name on the PATH or a path. Absent: powershell.exe on Windows, pwsh elsewhere.'),
  arguments: z
    .array(z.string())
    .prefault([])
    .describe(
      'What stands before PowerShell’s own arguments. With "ssh" as the executable: how to get to a Windows machine, and powershell.exe there.',
    ),
  modules: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe(
      'The folder with SecondResponder.psm1 on the machine on which PowerShell runs. Absent: the one that comes with the daemon.',
    ),
});

export const exchange = keys.superRefine((given, context) => {
  const complain = (key: keyof typeof given, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (given.kind === 'powershell') {
    if (given.endpoints.length === 0) {
      complain('endpoints', 'is empty: name the servers for the sessions, such as [ex1.contoso.com, ex2.contoso.com]');
    }
    if (given.url !== undefined)
      complain('url', 'is a lab’s address, and exchange.kind is "powershell"; remove one of the two');
    if (given.through !== undefined)
      complain('through', 'is for a lab only, and exchange.kind is "powershell"; remove it');
  } else if (given.through !== undefined && given.url === undefined) {
    complain(
      'through',
      'needs a lab in a process of its own: run `second-responder lab`, and give its address as exchange.url',
    );
  }
  if (given.arguments.length > 0 && given.driver !== 'child_process') {
    complain('arguments', 'need driver: child_process; the other driver can start nothing but PowerShell itself');
  }
  if (given.arguments.length > 0 && given.modules === undefined && given.kind === 'powershell') {
    complain(
      'arguments',
      'lead to another machine: say in exchange.modules where deploy/powershell was copied to there',
    );
  }
});
