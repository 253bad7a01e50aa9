/** A command on its way to Redis. */
export interface Request {
  raw: Buffer;
  args: Buffer[];
}

/** Cuts what a client sends into its commands: arrays of bulk strings, which is all that clients send. */
export class RequestReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): Request[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const requests: Request[] = [];
    for (let request = firstOf(this.#rest); request; request = firstOf(this.#rest)) {
      requests.push(request);
      this.#rest = this.#rest.subarray(request.raw.length);
    }
    return requests;
  }
}

function firstOf(bytes: Buffer): Request | undefined {
  let at = 0;
  /** The number after `*` or `$`; undefined while the line is not all there. */
  function number(mark: string): number | undefined {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const line = bytes.toString('latin1', at, end);
    if (!line.startsWith(mark)) throw new Error(`a Redis client sent ${JSON.stringify(line.slice(0, 50))}`);
    at = end + 2;
    return Number(line.slice(1));
  }
  const count = number('*');
  if (count === undefined) return undefined;
  const args: Buffer[] = [];
  for (let n = 0; n < count; n += 1) {
    const length = number('$');
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    args.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
  return { raw: bytes.subarray(0, at), args };
}
