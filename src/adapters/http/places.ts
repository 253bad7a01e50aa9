import type { Socket } from 'node:net';
import { networkOf } from './limits.ts';
import { Stock } from './stock.ts';

interface Place {
  socket: Socket;
  /** Its address and port. */
  name: string;
  network: Network;
  /** Owner of its token. */
  token?: string;
}

interface Network {
  key: string;
  open: Set<Place>;
  /** Connections without a token, oldest first. */
  strangers: Set<Place>;
}

/**
 * Limits open connections; one network may have half of them. If there is no place for a new one, the oldest connection
 * without a token is closed, so that clients without a token never block those with one.
 */
export class Places {
  readonly #most: number;
  readonly #networks = new Map<string, Network>();
  /** By address and port, because with TLS requests use another socket than the accepted one. */
  readonly #taken = new Map<string, Place>();
  readonly #vouched: Stock;
  readonly #say: (says: string) => void;

  constructor(most: number, say: (says: string) => void) {
    this.#most = most;
    this.#say = say;
    this.#vouched = new Stock({ each: Math.ceil(most / 4), all: most });
  }

  /** Closes the connection if there is no place for it. */
  enter(socket: Socket): void {
    const key = networkOf(socket.remoteAddress);
    const network = this.#networks.get(key) ?? { key, open: new Set(), strangers: new Set() };
    const fits = network.open.size < Math.ceil(this.#most / 2) || this.#dismissOldest(network);
    if (!fits || (this.#taken.size >= this.#most && !this.#dismissOldest(this.#largestCrowd()))) {
      socket.destroy();
      this.#say(`Refused a connection from ${key}: the limit is reached (http.max-connections)`);
      return;
    }
    const place = { socket, name: nameOf(socket), network };
    this.#networks.set(key, network);
    this.#taken.set(place.name, place);
    network.open.add(place);
    network.strangers.add(place);
    socket.once('close', () => this.#leave(place));
  }

  /** Called for a valid token. One token may have a quarter of the places, so that its owner can't take all of them. */
  vouch(socket: Socket, token: string): void {
    const place = this.#taken.get(nameOf(socket));
    if (!place || place.token !== undefined || !this.#vouched.take(token)) return;
    place.token = token;
    place.network.strangers.delete(place);
  }

  #dismissOldest(network: Network | undefined): boolean {
    const [oldest] = network?.strangers ?? [];
    if (!oldest) return false;
    this.#leave(oldest);
    oldest.socket.destroy();
    this.#say(
      `Closed the oldest connection without a token from ${oldest.network.key}: a new connection needed its place (http.max-connections)`,
    );
    return true;
  }

  #largestCrowd(): Network | undefined {
    let largest: Network | undefined;
    for (const network of this.#networks.values()) {
      if (network.strangers.size > (largest?.strangers.size ?? 0)) largest = network;
    }
    return largest;
  }

  #leave(place: Place): void {
    const { name, network, token } = place;
    if (!network.open.delete(place)) return;
    network.strangers.delete(place);
    if (token !== undefined) this.#vouched.giveBack(token);
    if (this.#taken.get(name) === place) this.#taken.delete(name);
    if (network.open.size === 0) this.#networks.delete(network.key);
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
