// Alert to 202 and alert to verdict, each next to a baseline. See README.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.mjs';

const REQUESTS = 3_000;
const CONNECTIONS = 16;
const VERDICTS = 20;

const directory = mkdtempSync(join(tmpdir(), 'sr-bench-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const redisPort = await freePort();
const redisArguments = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--dir', directory, '--appendonly', 'yes'];
await started(
  spawn('redis-server', [...redisArguments, '--appendfsync', 'always', '--save', ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
  /Ready to accept/,
);
const redisUrl = `redis://127.0.0.1:${redisPort}`;
const lab = await labProcess();
const daemon = await daemonProcess();

console.log(`${REQUESTS} requests on ${CONNECTIONS} connections; ${VERDICTS} verdicts; ratios are ours / baseline\n`);
await alertTo202();
await alertToVerdict();
process.exit(0);

async function alertTo202() {
  const redis = new Redis(redisUrl);
  const baseline = createServer((incoming, answer) => {
    let body = '';
    incoming.on('data', (chunk) => {
      body += chunk;
    });
    incoming.on('end', async () => {
      await redis.xadd('baseline', '*', 'b', body);
      answer.writeHead(202).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(baseline, 'listening');
  const baselineUrl = `http://127.0.0.1:${baseline.address().port}/`;
  // In turn, twice, so that a machine that gets slower is slower for both.
  const ours = [];
  const bare = [];
  for (const round of [1, 2]) {
    bare.push(...(await load(baselineUrl, round)));
    ours.push(...(await load(`${daemon.url}/api/v1/alerts/generic`, round)));
  }
  baseline.close();
  redis.disconnect();
  report('alert to 202', ours, bare);
}

async function alertToVerdict() {
  const ours = [];
  const bare = [];
  for (let round = 0; round < VERDICTS; round += 1) {
    const began = performance.now();
    for (const [verb, args] of [
      ['organisation', {}],
      ['serverHealth', { server: 'mbx1' }],
      ['invokeProbe', { server: 'mbx1', identity: 'IMAP.Protocol\\ImapSelfTestProbe' }],
    ]) {
      await post(`${lab.url}/lab/v1/call`, { verb, arguments: args });
    }
    bare.push(performance.now() - began);
    await idle();
    const sent = performance.now();
    await post(`${daemon.url}/api/v1/alerts/generic`, {
      id: `verdict-${round}`,
      server: 'mbx1',
      healthSet: 'IMAP.Protocol',
      monitor: 'ImapSelfTestMonitor',
      status: 'firing',
    });
    await until(async () => {
      const { incidents } = await get(`${daemon.url}/api/v1/incidents?limit=1&server=mbx1`);
      return incidents[0]?.verdict !== undefined && incidents[0].alerts[0].senderId === `verdict-${round}`;
    }, 10_000);
    ours.push(performance.now() - sent);
  }
  report('alert to verdict', ours, bare);
}

async function load(url, round) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (next < REQUESTS) {
        next += 1;
        const alert = {
          id: `bench-${round}-${next}`,
          server: 'nowhere',
          healthSet: 'IMAP',
          status: 'firing',
          raisedAt: '2026-01-05T10:00:00Z',
        };
        const began = performance.now();
        await send(url, JSON.stringify(alert), agent);
        times.push(performance.now() - began);
      }
    }),
  );
  agent.destroy();
  return times;
}

function send(url, body, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 202 ? resolve() : reject(new Error(`${url} answered ${answer.statusCode}`)),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function report(what, ours, baseline) {
  const [a, b] = [ours, baseline].map((times) => [...times].sort((x, y) => x - y));
  const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  const ms = (value) => `${value.toFixed(1)} ms`;
  console.log(
    `${what.padEnd(18)} median ${ms(at(a, 0.5)).padStart(10)}  p99 ${ms(at(a, 0.99)).padStart(10)}   baseline median ${ms(at(b, 0.5)).padStart(10)}   ratio ${(at(a, 0.5) / at(b, 0.5)).toFixed(1)}`,
  );
}

/** Nothing is waiting any more, so that one figure does not pay for another. */
function idle() {
  return until(async () => {
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    const busy = /^second_responder_(incidents_open\{|queue_jobs\{queue="alerts",state="(waiting|active)")/;
    const open = text.split('\n').filter((line) => busy.test(line));
    return open.every((line) => line.endsWith(' 0'));
  }, 120_000);
}

async function labProcess() {
  const child = spawn(process.execPath, ['dist/main.js', 'lab', '--port', '0', '--speed', '600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await started(child, /http:\/\/[\d.:]+/);
  return { url: /http:\/\/[\d.:]+/.exec(output)[0] };
}

async function daemonProcess() {
  const port = await freePort();
  const env = {
    ...process.env,
    REDIS_URL: redisUrl,
    SECOND_RESPONDER_HTTP_PORT: `${port}`,
    SECOND_RESPONDER_EXCHANGE_URL: lab.url,
    SECOND_RESPONDER_STORE_DIRECTORY: directory,
    SECOND_RESPONDER_LOG_FORMAT: 'json',
  };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await started(child, /is ready/);
  return { child, url: `http://127.0.0.1:${port}` };
}

async function started(child, sign) {
  children.push(child);
  let output = '';
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      if (output.length < 100_000) output += chunk;
      if (sign.test(output)) resolve(output);
    });
    child.once('error', reject);
  });
}

async function post(url, body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answer.json();
}
async function get(url) {
  return (await fetch(url)).json();
}
async function until(holds, ms) {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it took too long');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
