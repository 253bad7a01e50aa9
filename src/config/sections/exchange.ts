import { z } from 'zod';
import { hasSecret, positiveDuration } from '../schema.ts';

const HOST = /^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/;

const hostName = z.string().regex(HOST, 'must be a host name, such as "ex1.contoso.com"');

const endpoint = z
  .string()
  .refine(
    (text) => HOST.test(text) || isAddress(text),
    'must be a host name or a URL such as "https://ex1.contoso.com/PowerShell/"',
  )
  .refine((text) => !hasSecret(text), 'must not contain a user, a password or a query; use exchange.credential-file');

function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

const keys = z.strictObject({
  kind: z
    .enum(['lab', 'powershell'])
    .prefault('lab')
    .describe('The organisation: "lab" is the simulated one, "powershell" a real one (see docs/exchange.md).'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http URL, such as "http://127.0.0.1:8090"' })
    .refine((url) => !hasSecret(url), 'must not contain a user, a password or a query; a lab needs none')
    .optional()
    .describe('Address of a lab that runs as a separate process. Default: the lab runs inside the daemon.'),
  through: z
    .enum(['powershell'])
    .optional()
    .describe('Calls that lab through PowerShell, like a real organisation, to rehearse the settings below.'),
  sessions: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Maximum concurrent calls to Exchange from this daemon. Default: 16 for a lab; 3 with PowerShell, each in its own shell. Exchange allows 18 sessions per user by default.',
    ),
  endpoints: z
    .array(endpoint)
    .prefault([])
    .describe(
      'Servers for Exchange sessions, by full name, in the order in which they are tried. Name at least two: a session does not use the server under repair while another one answers.',
    ),
  targets: z
    .enum(['jea', 'winrm'])
    .prefault('jea')
    .describe(
      'How to reach Windows on the servers: "jea" uses an endpoint that offers only the necessary commands (deploy/jea), "winrm" needs an administrator.',
    ),
  targetSsl: z.boolean().prefault(false).describe('Whether to connect to Windows over https (port 5986).'),
  credentialFile: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe(
      'Credential file, created with Export-Clixml on the machine where PowerShell runs. Default: the account that PowerShell runs as.',
    ),
  domainController: hostName
    .optional()
    .describe(
      'Domain controller for reading and writing settings. Default: reads go to the one that took the last change.',
    ),
  unspecifiedTimes: z
    .enum(['utc', 'local'])
    .prefault('utc')
    .describe('Time zone of Exchange times that do not state one. `doctor` shows whether it is right.'),
  sessionIdle: positiveDuration
    .prefault('20s')
    .describe('How long an idle session is kept for the next call. No session is kept across a wait.'),
  shellIdle: positiveDuration.prefault('10m').describe('How long an idle PowerShell process is kept.'),
  driver: z
    .enum(['node-powershell', 'child_process'])
    .prefault('node-powershell')
    .describe('The driver that starts PowerShell and communicates with it.'),
  executable: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe(
      'The PowerShell executable: a name on the PATH, or a path. Default: powershell.exe on Windows, pwsh elsewhere.',
    ),
  arguments: z
    .array(z.string())
    .prefault([])
    .describe(
      'Arguments before PowerShell’s own. With "ssh" as the executable: the ssh arguments for a Windows machine, followed by powershell.exe.',
    ),
  modules: z
    .string()
    .min(1, 'is empty')
    .optional()
    .describe(
      'Folder of SecondResponder.psm1 on the machine where PowerShell runs. Default: the folder shipped with the daemon.',
    ),
});

export const exchange = keys.superRefine((given, context) => {
  const complain = (key: keyof typeof given, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (given.kind === 'powershell') {
    if (given.endpoints.length === 0) {
      complain('endpoints', 'is empty; name servers for the sessions, such as [ex1.contoso.com, ex2.contoso.com]');
    }
    if (given.url !== undefined)
      complain('url', 'is the address of a lab, but exchange.kind is "powershell"; remove one of the two');
    if (given.through !== undefined)
      complain('through', 'is for a lab only, but exchange.kind is "powershell"; remove it');
  } else if (given.through !== undefined && given.url === undefined) {
    complain(
      'through',
      'needs a lab in a separate process: run `second-responder lab` and set exchange.url to its address',
    );
  }
  if (given.arguments.length > 0 && given.driver !== 'child_process') {
    complain('arguments', 'need driver: child_process; the other driver can start only PowerShell itself');
  }
  if (given.arguments.length > 0 && given.modules === undefined && given.kind === 'powershell') {
    complain(
      'arguments',
      'run PowerShell on another machine; set exchange.modules to the folder of deploy/powershell on that machine',
    );
  }
});
