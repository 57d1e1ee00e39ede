// A cluster as a page of /atoll.js sees it, for its tests: one document with a text, a list, a counter, and its
// requests, contexts and events. Elements have ids, as in a node; positions count what a request's context has seen.

import { steps } from "../../../Sources/Edge/Pages/atoll.js";

/** Numbers below a bound, the same with the same seed (xorshift). */
export function chance(seed) {
  let state = (seed * 2654435761 + 88172645) >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % bound;
  };
}

/** As docs/formats/context.md has it, but for the seal. */
export function context(versions) {
  const bytes = [2];
  const varint = (value) => {
    for (let rest = BigInt(value); ; rest >>= 7n) {
      bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
      if (rest <= 0x7fn) return;
    }
  };
  varint(versions.size);
  for (const [actor, count] of [...versions].sort()) {
    const [node, incarnation] = actor.split("~");
    varint(node.length);
    bytes.push(...Buffer.from(node));
    varint(1);
    varint(incarnation);
    varint(count);
  }
  bytes.push(0, 0, 0, ...new Array(8).fill(0));
  return Buffer.from(bytes).toString("base64");
}

const refuse = (type, status, operation) => {
  throw Object.assign(new Error(type), { problem: { type: `/problems/${type}`, status, operation } });
};

/** What all nodes have together; each mints under its own name. */
export class Cluster {
  constructor(nodes = ["de", "us"]) {
    this.nodes = nodes;
    this.versions = new Map();
    this.text = [];
    this.list = [];
    this.count = 0;
    this.items = 0;
    this.done = new Map();
    this.states = [this.state()];
  }

  state() {
    return {
      value: this.versions.size
        ? { body: this.shown(this.text).map((one) => one.value).join(""), list: this.shown(this.list).map((one) => one.value), likes: this.count }
        : undefined,
      context: this.versions.size ? context(this.versions) : null,
    };
  }

  get now() { return this.states.at(-1); }

  shown(elements) { return elements.filter((one) => !one.dead.length); }

  /** A request as a page sends it, at a node; throws what has a `problem`. */
  request(node, { writer, number, ops, context, again }) {
    const name = `${writer}.${number}`;
    const former = this.done.get(name);
    if (former) return { done: number, dots: former, results: [], done_before: true, context: this.now.context };
    const seen = this.states.find((state) => state.context === (context ?? null))?.versions ?? new Map(this.versions);
    const actor = `${node}~1795401009350`;
    const first = (this.versions.get(actor) ?? 0) + 1;
    let next = first;
    const mint = () => [actor, next++];
    const knows = ([life, counter]) => (life === actor && counter >= first) || (seen.get(life) ?? 0) >= counter;
    const view = (elements) => elements.filter((one) => knows(one.born) && !one.dead.some(knows));
    const keep = { text: structuredClone(this.text), list: structuredClone(this.list), count: this.count };
    try {
      ops.forEach((op, place) => this.perform(op, place, view, mint, knows));
    } catch (error) {
      Object.assign(this, keep);
      throw error;
    }
    if (next === first) next += 1;
    this.versions.set(actor, next - 1);
    const dots = `${actor}:${first}-${next - 1}`;
    this.done.set(name, dots);
    this.states.push({ ...this.state(), versions: new Map(this.versions) });
    return { done: number, dots, results: [], context: this.now.context };
  }

  perform(op, place, view, mint, knows) {
    const path = steps(op.path);
    const put = (elements, at, values) => {
      const seen = view(elements);
      if (at > seen.length) refuse("not-applicable", 422, place);
      const left = at ? elements.indexOf(seen[at - 1]) + 1 : 0;
      elements.splice(left, 0, ...values.map((value) => ({ born: mint(), dead: [], item: `${(this.items += 1)}`, value })));
    };
    const seenAt = (elements, at) => view(elements)[at] ?? refuse("not-applicable", 422, place);
    if (op.op === "splice") {
      const gone = view(this.text).slice(op.at, op.at + (op.delete ?? 0));
      if (gone.length < (op.delete ?? 0)) refuse("not-applicable", 422, place);
      for (const one of gone) one.dead.push(mint());
      put(this.text, op.at, Array.from(op.text ?? ""));
    } else if (op.op === "increment") {
      this.count += op.by;
      mint();
    } else if (op.op === "insert") put(this.list, op.at, op.values);
    else if (op.op === "remove") {
      // An item is where its slot is; whoever removes it has seen one of its slots.
      const { item } = seenAt(this.list, Number(path[1]));
      for (const one of this.list) if (one.item === item) one.dead.push(mint());
      mint();
    } else if (op.op === "move") {
      const { item, value } = seenAt(this.list, op.from);
      const others = view(this.list).filter((one) => one.item !== item);
      if (op.to > others.length) refuse("not-applicable", 422, place);
      const left = others[op.to - 1];
      const slots = this.list.filter((one) => one.item === item);
      // A removal beats a move.
      if (slots.every((one) => one.dead.length)) refuse("not-applicable", 422, place);
      this.list.splice(left ? this.list.indexOf(left) + 1 : 0, 0, { born: mint(), dead: [], item, value });
      for (const one of slots) one.dead.push(mint());
      mint();
    } else refuse("malformed", 400, place);
  }
}
