import express, { type Request, type RequestHandler, type Response } from 'express';
import { parseJson } from './json.ts';
import { HttpProblem } from './problem.ts';

/**
 * Reads a body as JSON: its type is checked before it is read, its size while it is read, and its bytes are kept for
 * signatures. Anything compressed is refused, so that nothing can grow after its size was checked.
 */
export function readBody(limit: number): (request: Request, response: Response) => Promise<Buffer> {
  const raw = express.raw({ type: () => true, limit, inflate: false });
  return async (request, response) => {
    if (!hasBody(request)) return Buffer.alloc(0);
    requireJson(request);
    // The reader would answer only once it has seen all of it.
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      throw new HttpProblem('too-large', `The body is larger than ${limit} bytes: send it in parts.`);
    }
    await run(raw, request, response);
    return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  };
}

/** The value of a body; an empty one is `undefined`. */
export function decodeBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('is not UTF-8: send it in that encoding (in PowerShell: [Text.Encoding]::UTF8.GetBytes($json))');
  }
  const json = parseJson(text);
  if (!json.ok) throw malformed(json.message);
  return json.value;
}

const malformed = (message: string) =>
  new HttpProblem('malformed-json', `The body ${message}.`, { problems: [{ pointer: '', message }] });

const hasBody = (request: Request) =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

function requireJson(request: Request): void {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim());
  if (type.toLowerCase() !== 'application/json') {
    throw new HttpProblem(
      'unsupported-media-type',
      `The body is ${type === '' ? 'of no stated type' : `"${type.slice(0, 100)}"`}: send it with Content-Type: application/json.`,
    );
  }
  const charset = parameters
    .find((parameter) => /^charset=/i.test(parameter))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new HttpProblem('unsupported-media-type', `The body is in "${charset.slice(0, 100)}": send it in UTF-8.`);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new HttpProblem(
      'unsupported-media-type',
      `The body is compressed (Content-Encoding: ${encoding.slice(0, 100)}): send it as it is.`,
    );
  }
}

const run = (handler: RequestHandler, request: Request, response: Response) =>
  new Promise<void>((resolve, reject) => {
    handler(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
