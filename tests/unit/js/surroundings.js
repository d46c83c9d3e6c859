/** A clock that tests turn by hand, and sockets whose far end they hold. */

export class FakeClock {
  time = 1_000_000;
  timers = new Map();
  #next = 1;

  now = () => this.time;
  random = () => 0.5;
  setTimeout = (call, milliseconds) => {
    this.timers.set(this.#next, { at: this.time + milliseconds, call });
    return this.#next++;
  };
  clearTimeout = (timer) => void this.timers.delete(timer);

  /** Let time pass; what is due is called in order, and promises settle in between. */
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].call();
    }
    this.time = end;
    await settle();
  }
}

/** Let promises that can settle do so. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

export const HELLO = {
  type: "hello",
  protocol: 1,
  user: { id: "me", name: "me", guest: true },
  server: "s",
  limits: { frame: 65536, text: 49152, text_http: 1048576, open_chats: 64, commands: 32, unacknowledged: 262144 },
  agents: [{ name: "default", title: "Default" }],
};

export class FakeWebSocket {
  sent = [];
  closed = false;
  onmessage = null;
  onclose = null;

  send(data) {
    if (this.closed) throw new Error("sent on a closed socket");
    this.sent.push(JSON.parse(data));
  }

  close() {
    this.closed = true;
  }

  /** The server says something. */
  say(...frames) {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The connection ends. */
  end(code = 1006) {
    this.closed = true;
    this.onclose?.({ code });
  }

  /** The commands of one type so far. */
  commands(type) {
    return this.sent.filter((command) => command.type === type);
  }
}

/** `localStorage` in memory. */
export class FakeStorage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}
