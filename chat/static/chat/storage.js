/** What one person's page keeps in the browser. Where the browser keeps nothing (or is full), the page still works. */

export class Shelf {
  /**
   * @param {Storage | null} storage
   * @param {string} prefix
   */
  constructor(storage, prefix) {
    this.storage = storage;
    this.prefix = prefix;
    /** @type {Map<string, string>} */
    this.unkept = new Map();
  }

  /** @param {string} name */
  get(name) {
    const unkept = this.unkept.get(name);
    if (unkept !== undefined) return unkept;
    try {
      return this.storage?.getItem(this.prefix + name) ?? null;
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    this.unkept.delete(name);
    try {
      if (!this.storage) throw new Error("no storage");
      this.storage.setItem(this.prefix + name, value);
    } catch {
      this.unkept.set(name, value);
    }
  }

  /** @param {string} name */
  delete(name) {
    this.unkept.delete(name);
    try {
      this.storage?.removeItem(this.prefix + name);
    } catch {
      // Nothing could be kept, so nothing is left.
    }
  }

  /** @returns {string[]} */
  names() {
    /** @type {string[]} */
    let kept = [];
    try {
      kept = Object.keys(this.storage ?? {}).filter((key) => key.startsWith(this.prefix));
    } catch {
      // As above.
    }
    return [...new Set([...kept.map((key) => key.slice(this.prefix.length)), ...this.unkept.keys()])];
  }
}
