// The effect of clients that send and do not read: the daemon's memory, and how long others wait. See README.md.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.mjs';

const SECONDS = 12;
const SENDER = 'a-token-of-the-senders';
const VIEWER = 'a-token-of-the-viewers';

const directory = mkdtempSync(join(tmpdir(), 'sr-strangers-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const get = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const asViewer = `Authorization: Bearer ${VIEWER}\r\n`;
const crowds = [
  ['1 connection, 1,500 × GET /metrics, nothing read', 1, get('/metrics').repeat(1_500)],
  ['20 connections of the same', 20, get('/metrics').repeat(1_500)],
  ['500 event streams of one viewer, nothing read', 500, get('/api/v1/events', asViewer)],
  ['400 lists of incidents, nothing read', 400, get('/api/v1/incidents?limit=500', asViewer).repeat(20)],
  ['500 connections that never finish their headers', 500, 'GET /healthz HTTP/1.1\r\nX-A: '],
  ['1,200 idle connections', 1_200, ''],
];
const only = process.argv[2] ?? '';
for (const [name, connections, text] of crowds.filter(([name]) => name.includes(only)))
  await measure(name, connections, text);
process.exit(0);

async function measure(name, connections, text) {
  const daemon = await daemonProcess();
  // Something to list and to stream.
  for (let n = 0; n < 40; n += 1) await alert(daemon, `before-${n}`);
  await pause(3_000);
  const idle = memory(daemon);
  const alone = await timed(() => healthy(daemon));
  const sockets = [];
  for (let n = 0; n < connections; n += 1) sockets.push(dial(daemon, text));
  const began = performance.now();
  let most = idle;
  let n = 0;
  const waited = { health: [], alert: [] };
  let refused = 0;
  while (performance.now() - began < SECONDS * 1_000) {
    n += 1;
    const [health, alerted] = await Promise.all([
      timed(() => healthy(daemon)),
      timed(() => alert(daemon, `during-${n}`)),
    ]);
    waited.health.push(health.ms);
    waited.alert.push(alerted.ms);
    refused += Number(!health.ok) + Number(!alerted.ok);
    most = Math.max(most, memory(daemon));
    await pause(50);
  }
  const open = sockets.filter((socket) => !socket.closed).length;
  for (const socket of sockets) socket.destroy();
  daemon.child.kill('SIGKILL');
  const ms = (times) => `${Math.round(Math.max(...times))} ms`;
  console.log(
    `${name}\n  memory ${idle} → ${most} MB; /healthz at most ${ms(waited.health)} (alone ${ms([alone.ms])}), an alert ${ms(waited.alert)}; ` +
      `${refused} of ${2 * n} not answered; ${open} of ${connections} connections left`,
  );
}

function dial({ port }, text) {
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  socket.on('error', () => {});
  socket.pause();
  return socket;
}

async function timed(ask) {
  const began = performance.now();
  const ok = await ask().catch(() => false);
  return { ok, ms: performance.now() - began };
}

async function healthy({ url }) {
  const answer = await fetch(`${url}/healthz`, {
    signal: AbortSignal.timeout(30_000),
    headers: { connection: 'close' },
  });
  await answer.text();
  return answer.ok;
}

async function alert({ url }, id) {
  const answer = await fetch(`${url}/api/v1/alerts/generic`, {
    method: 'POST',
    signal: AbortSignal.timeout(30_000),
    headers: { authorization: `Bearer ${SENDER}`, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ id, server: 'mbx1', healthSet: 'IMAP.Protocol', title: 'x'.repeat(200) }),
  });
  await answer.text();
  return answer.status === 202;
}

/** Resident megabytes. */
function memory({ child }) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function daemonProcess() {
  const port = await freePort();
  const env = {
    ...process.env,
    SECOND_RESPONDER_HTTP_PORT: `${port}`,
    SECOND_RESPONDER_STORE_DIRECTORY: mkdtempSync(join(directory, 'store-')),
    SECOND_RESPONDER_LOG_FORMAT: 'json',
    SECOND_RESPONDER_HTTP_TOKENS: JSON.stringify([
      { name: 'senders', role: 'sender', token: SENDER },
      { name: 'viewers', role: 'viewer', token: VIEWER },
    ]),
  };
  const child = spawn(process.execPath, [process.env.MAIN ?? 'dist/main.js', 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      if (output.length < 100_000) output += chunk;
      if (/is ready/.test(output)) resolve();
    });
  });
  return { child, port, url: `http://127.0.0.1:${port}` };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
