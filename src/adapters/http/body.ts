import type { Request } from 'express';
import { parseJson } from './json.ts';
import type { Room } from './limits.ts';
import { HttpProblem } from './problem.ts';

export interface Body {
  bytes: Buffer;
  /** Frees the memory that it reserved. */
  release(): void;
}

export const NO_BODY: Body = { bytes: Buffer.alloc(0), release() {} };

/** Bodies up to this size are always read: there are at most as many as connections. */
const SMALL = 64 * 1024;

/**
 * Reads a JSON body. Checks its type before reading and its size while reading, and keeps its bytes for signatures. Refuses
 * compressed bodies, which could grow after the size check.
 */
export async function readBody(request: Request, limit: number, room: Room): Promise<Body> {
  if (!hasBody(request)) return NO_BODY;
  requireJson(request);
  const tooLarge = () => new HttpProblem('too-large', `The body is larger than ${limit} bytes: send it in parts.`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  let held = 0;
  const release = () => room.give(held);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      const more = Math.max(0, size - SMALL) - held;
      room.take(more);
      held += more;
      chunks.push(chunk);
    }
  } catch (error) {
    release();
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem('invalid-request', 'The connection was closed before the whole body arrived.');
  }
  return { bytes: Buffer.concat(chunks), release };
}

/** The value of a body; `undefined` if it is empty. */
export function decodeBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (isUtf16(bytes)) throw malformed(`is UTF-16: ${UTF_8}`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed(`is not UTF-8: ${UTF_8}`);
  }
  const json = parseJson(text);
  if (!json.ok) throw malformed(json.message);
  return json.value;
}

const UTF_8 = 'send it as UTF-8 (in PowerShell: [Text.Encoding]::UTF8.GetBytes($json))';

/** Detects the encoding by the byte order mark or the first character, which is ASCII in JSON. */
const isUtf16 = ([first, second]: Buffer) =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || (first === 0) !== (second === 0);

const malformed = (message: string) =>
  new HttpProblem('malformed-json', `The body ${message}.`, { problems: [{ pointer: '', message }] });

const hasBody = (request: Request) =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

function requireJson(request: Request): void {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim());
  if (type.toLowerCase() !== 'application/json') {
    throw new HttpProblem(
      'unsupported-media-type',
      `The body is ${type === '' ? 'without a Content-Type' : `"${type.slice(0, 100)}"`}: send it with Content-Type: application/json.`,
    );
  }
  const charset = parameters
    .find((parameter) => /^charset=/i.test(parameter))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new HttpProblem(
      'unsupported-media-type',
      `The body is encoded as "${charset.slice(0, 100)}": send it in UTF-8.`,
    );
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new HttpProblem(
      'unsupported-media-type',
      `The body is compressed (Content-Encoding: ${encoding.slice(0, 100)}): send it uncompressed.`,
    );
  }
}
