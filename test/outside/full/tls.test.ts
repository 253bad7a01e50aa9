/** Certificates made by openssl, a daemon that serves them, and clients that do and do not trust them. */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../support/ports.ts';
import { type Running, Site, until } from '../../support/processes.ts';

const TOKEN = 'the-token-of-the-operators';
const RENEWED_WITHIN = 15_000;

let site: Site;
let daemon: Running;
let port: number;
const at = (name: string) => join(site.directory, name);
const pem = (name: string) => readFileSync(at(name));
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: site.directory, stdio: 'pipe' });

function makeAuthority(name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
}

function makeCertificate(name: string, authority: string): void {
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  const by = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`, '-days', '2', '-extfile', 'names');
}

/** As a renewal does: another file under the same name. */
function put(name: string, content: string | Buffer): void {
  writeFileSync(at(`${name}.new`), content);
  renameSync(at(`${name}.new`), at(name));
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
}

const ask = (options: object, path = '/healthz') =>
  new Promise<Answer>((resolve, reject) => {
    const agent = new Agent({ ca: pem('authority.pem'), ...options });
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    }).on('error', reject);
  });

const served = () =>
  new Promise<string>((resolve, reject) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: pem('authority.pem') }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.on('error', reject);
  });

/** Resolves when it answers over TLS; rejects, with what it printed, when it ends before. */
async function begin(env: Record<string, string>, options: object = {}): Promise<void> {
  port = await freePort();
  const all = {
    SECOND_RESPONDER_HTTP_PORT: `${port}`,
    SECOND_RESPONDER_HTTP_TLS_CERT_FILE: at('tls.crt'),
    SECOND_RESPONDER_HTTP_TLS_KEY_FILE: at('tls.key'),
    ...env,
  };
  // Plain http never answers here: it is the process that is waited for.
  daemon = await new Promise<Running>((begun, failed) => {
    site.daemon(all, [], begun).catch(failed);
  });
  const answers = () =>
    ask(options).then(
      ({ status }) => status === 200,
      () => false,
    );
  await Promise.race([until(answers, (yes) => yes, 20_000), daemon.ended]);
}

beforeAll(async () => {
  site = await Site.open({ SECOND_RESPONDER_LOG_FORMAT: 'json' });
  for (const name of ['authority', 'stranger']) makeAuthority(name);
  for (const name of ['first', 'second', 'client']) makeCertificate(name, 'authority');
  makeCertificate('intruder', 'stranger');
  for (const name of ['tls.crt', 'tls.key']) put(name, pem(name.replace('tls', 'first').replace('crt', 'pem')));
});
afterAll(() => site.close());

describe('a daemon with a certificate', () => {
  beforeAll(() =>
    begin({ SECOND_RESPONDER_HTTP_TOKENS: `[{"name":"operators","role":"operator","token":"${TOKEN}"}]` }),
  );
  afterAll(() => daemon.kill('SIGTERM'));

  it('answers those who trust it, and tells browsers to come that way only', async () => {
    const { status, headers } = await ask({});
    expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
    await expect(ask({ ca: pem('stranger.pem') })).rejects.toThrow(/certificate/);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    expect((await ask({ minVersion: version, maxVersion: version })).status).toBe(200);
  });

  it('refuses older TLS versions and plain HTTP', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(ask(old)).rejects.toThrow(/protocol version/);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`).then(({ ok }) => ok)).rejects.toThrow();
  });

  it('serves the command line, which trusts the authority by the environment', async () => {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: at('authority.pem'), SECOND_RESPONDER_TOKEN: TOKEN };
    const args = ['dist/main.js', 'undo', 'list', '--json', '--url', `https://127.0.0.1:${port}`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toMatchObject({ undo: [] });
  });

  it('takes a renewed certificate into use, and keeps it when the next one is bad', async () => {
    expect(await served()).toBe('first');
    put('tls.crt', pem('second.pem'));
    put('tls.key', pem('second.key'));
    await until(served, (name) => name === 'second', RENEWED_WITHIN);
    const bad: [string, string | Buffer, RegExp][] = [
      ['tls.key', pem('first.key'), /http\.tls: the key does not match the certificate: .*stays in use/],
      ['tls.crt', '', /http\.tls: the certificate cannot be read: .*stays in use/],
    ];
    for (const [file, content, says] of bad) {
      put(file, content);
      await until(
        async () => daemon.output(),
        (log) => says.test(log),
        RENEWED_WITHIN,
      );
      expect(await served()).toBe('second');
    }
    put('tls.crt', pem('first.pem'));
    await until(served, (name) => name === 'first', RENEWED_WITHIN);
  });
});

describe('a daemon that asks its clients for a certificate', () => {
  beforeAll(() => {
    const tokens = `[{"name":"operators","role":"operator","token":"${TOKEN}"}]`;
    const asking = {
      SECOND_RESPONDER_HTTP_TLS_CLIENT_CA_FILE: at('authority.pem'),
      SECOND_RESPONDER_HTTP_TOKENS: tokens,
    };
    return begin(asking, { cert: pem('client.pem'), key: pem('client.key') });
  });

  it.each([
    ['none', {}],
    ["a stranger's", () => ({ cert: pem('intruder.pem'), key: pem('intruder.key') })],
  ])('%s: not a word', async (_, options) => {
    await expect(ask(typeof options === 'function' ? options() : options)).rejects.toThrow();
  });

  it('a good one is talked to, and a token is asked for all the same', async () => {
    const shown = { cert: pem('client.pem'), key: pem('client.key') };
    expect((await ask(shown)).status).toBe(200);
    expect((await ask(shown, '/api/v1/undo')).status).toBe(401);
  });
});

it('a certificate that cannot be used stops the start, in one sentence', async () => {
  put('tls.key', pem('second.key'));
  put('tls.crt', pem('first.pem'));
  await expect(begin({})).rejects.toThrow(/the key does not match the certificate/);
});
