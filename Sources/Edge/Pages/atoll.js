// Live keys of an Atoll cluster in a web page: one module, nothing else needed. docs/BROWSER.md shows its use.
//
// Picture: a document is what the cluster has confirmed, and on top of it what this page has changed and nobody has
// confirmed yet. What is shown is both together. One request of a document is on its way at a time; it bears a name
// (WRITER.NUMBER), so that it counts once however often it must be sent. What follows it waits, and is carried over to
// each newer document that comes: by then its positions count what that document has.
//
//     edit ──▶ queue ──▶ flight ──▶ a node ──▶ answer: done, as these dots
//                                      └──▶ events: documents, and what changes them ──▶ confirmed ──▶ shown
//
// A request that is done is confirmed by the first document that has seen its dots.
//
// Everything up to `Draft` is without time, network and page, and is tested so.

const Limits = {
  // Changes that wait while there is no connection; beyond, a change throws: better than to lose it later.
  waiting: 10_000,
  // A frame has 256 KiB with what is around the operations (a context is up to 27 KiB), a request 1,024 operations.
  requestBytes: 128 << 10,
  requestOperations: 1_000,
  // Of one insertion into a text, in UTF-16 units: at most 48 KiB of UTF-8, where 64 KiB are taken.
  insertion: 16 << 10,
  // Beyond so many differences two texts are not compared character by character.
  differences: 1_000,
  // Between two tries to connect, in milliseconds: from the first to the last.
  retry: [250, 10_000],
  // A node says something every 15 s; who heard nothing for so long has lost it.
  silence: 35_000,
  // A connection that does not open, and a document that has not seen what is shown.
  patience: 10_000,
  // Who is here says so again this often, and counts as gone after the other.
  presenceEvery: 10_000,
  presenceLasts: 30_000,
};

// ---- Changes of a sequence --------------------------------------------------------------------------------------
//
// A change walks once over the old sequence: {keep: n}, {drop: n} and {put: [elements]}, what follows is kept. Texts
// are sequences of Unicode scalar values, as positions count them everywhere in Atoll.

export const scalars = (text) => Array.from(text);

const sizeOf = (part) => part.keep ?? part.drop ?? part.put.length;

/** Adds a part, joined with one of its kind before it; what is put stands before what is dropped at the same place. */
function push(change, part) {
  if (!sizeOf(part)) return;
  const last = change.at(-1);
  if (last?.keep && part.keep) change[change.length - 1] = { keep: last.keep + part.keep };
  else if (last?.drop && part.drop) change[change.length - 1] = { drop: last.drop + part.drop };
  else if (last?.put && part.put) change[change.length - 1] = { put: last.put.concat(part.put) };
  else if (last?.drop && part.put) {
    change.pop();
    push(change, part);
    change.push(last);
  } else change.push(part);
}

function trimmed(change) {
  if (change.at(-1)?.keep) change.pop();
  return change;
}

/** At a place some elements are put, and so many behind it dropped. */
export function splice(at, count, elements = []) {
  const change = [];
  push(change, { keep: at });
  push(change, { put: elements });
  push(change, { drop: count });
  return trimmed(change);
}

class Cursor {
  constructor(change) {
    this.parts = change;
    this.place = 0;
    this.used = 0;
  }

  get isOver() { return this.place >= this.parts.length; }
  get isPut() { return !this.isOver && this.parts[this.place].put !== undefined; }
  get isDrop() { return !this.isOver && this.parts[this.place].drop !== undefined; }
  get rest() { return this.isOver ? Infinity : sizeOf(this.parts[this.place]) - this.used; }

  /** Up to `count` of the present part; behind the end everything is kept. */
  take(count = Infinity) {
    if (this.isOver) return { keep: count };
    const part = this.parts[this.place];
    const from = this.used;
    const size = Math.min(count, this.rest);
    this.used += size;
    if (this.rest === 0) {
      this.place += 1;
      this.used = 0;
    }
    if (part.put) return { put: part.put.slice(from, from + size) };
    return part.drop ? { drop: size } : { keep: size };
  }
}

/** One change that does what `a` and then `b` do. */
export function compose(a, b) {
  const [first, then, whole] = [new Cursor(a), new Cursor(b), []];
  while (!first.isOver || !then.isOver) {
    if (then.isPut) push(whole, then.take());
    else if (first.isDrop) push(whole, first.take());
    else {
      const size = Math.min(first.rest, then.rest);
      const [was, is] = [first.take(size), then.take(size)];
      if (is.keep) push(whole, was);
      else if (was.keep) push(whole, is);
    }
  }
  return trimmed(whole);
}

/** What `a` is after `b`, both made on the same sequence; where both put, `isFirst` says whether a's stands before. */
export function transform(a, b, isFirst = false) {
  const [own, other, moved] = [new Cursor(a), new Cursor(b), []];
  while (!own.isOver) {
    if (own.isPut && (isFirst || !other.isPut)) push(moved, own.take());
    else if (other.isPut) push(moved, { keep: other.take().put.length });
    else {
      const size = Math.min(own.rest, other.rest);
      const [mine, theirs] = [own.take(size), other.take(size)];
      if (!theirs.drop) push(moved, mine);
    }
  }
  return trimmed(moved);
}

export function applied(change, sequence) {
  const result = [];
  let place = 0;
  for (const part of change) {
    if (part.put) for (const element of part.put) result.push(element);
    else if (part.drop) place += part.drop;
    else {
      const end = Math.min(place + part.keep, sequence.length);
      for (; place < end; place++) result.push(sequence[place]);
    }
  }
  for (; place < sequence.length; place++) result.push(sequence[place]);
  return result;
}

/** The same of a text. Long ones are nearly all kept: they are not taken apart. */
function rewritten(text, change) {
  let [result, from] = ["", 0];
  for (const { keep, drop, put } of change) {
    if (put) result += put.join("");
    let end = from;
    for (let left = keep ?? drop ?? 0; left > 0 && end < text.length; left--) end += text.codePointAt(end) > 0xffff ? 2 : 1;
    if (keep) result += text.slice(from, end);
    from = end;
  }
  return result + text.slice(from);
}

/** Where a place between two elements comes to be; what is put exactly there comes behind it. */
export function moved(place, change) {
  let [old, now] = [0, 0];
  for (const part of change) {
    if (old > place || (old === place && !part.keep && !part.drop)) break;
    if (part.put) now += part.put.length;
    else if (part.drop) old += part.drop;
    else [old, now] = [old + part.keep, now + part.keep];
    if (old >= place) return part.drop ? now : now - (old - place);
  }
  return now + (place - old);
}

/** The shortest change from one sequence to another (E. Myers, "An O(ND) Difference Algorithm", 1986). */
export function difference(old, now) {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let [oldEnd, nowEnd] = [old.length, now.length];
  for (; oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]; oldEnd--) nowEnd--;
  const change = [];
  push(change, { keep: start });
  for (const part of middle(old.slice(start, oldEnd), now.slice(start, nowEnd))) push(change, part);
  return trimmed(change);
}

function middle(old, now) {
  const replaced = [{ put: now }, { drop: old.length }];
  if (!old.length || !now.length) return replaced;
  // rows[d][k + d]: how far one comes in `old` with d differences on diagonal k (place in `old` - place in `now`).
  const rows = [];
  const most = Math.min(old.length + now.length, Limits.differences);
  for (let d = 0; d <= most; d++) {
    rows.push(new Int32Array(2 * d + 1));
    for (let k = -d; k <= d; k += 2) {
      const row = rows[d - 1];
      let x = d === 0 ? 0 : putsLast(row, d, k) ? reach(row, d, k + 1) : reach(row, d, k - 1) + 1;
      while (x < old.length && x - k < now.length && old[x] === now[x - k]) x++;
      rows[d][k + d] = x;
      if (x >= old.length && x - k >= now.length) return traced(rows, old.length, now);
    }
  }
  return replaced;
}

/** Of the row before row d. */
const reach = (row, d, k) => row[k + d - 1] ?? -1;
const putsLast = (row, d, k) => k === -d || (k !== d && reach(row, d, k - 1) < reach(row, d, k + 1));

/** The way back from the end of both sequences. */
function traced(rows, oldLength, now) {
  const steps = [];
  let [x, y] = [oldLength, now.length];
  for (let d = rows.length - 1; d > 0; d--) {
    const row = rows[d - 1];
    const isPut = putsLast(row, d, x - y);
    const fromX = isPut ? reach(row, d, x - y + 1) : reach(row, d, x - y - 1);
    const fromY = fromX - (isPut ? x - y + 1 : x - y - 1);
    steps.push({ keep: x - fromX - (isPut ? 0 : 1) }, isPut ? { put: [now[fromY]] } : { drop: 1 });
    [x, y] = [fromX, fromY];
  }
  steps.push({ keep: x });
  return steps.reverse();
}

// ---- Values and operations --------------------------------------------------------------------------------------

/** A JSON pointer (RFC 6901) as steps. */
export function steps(path) {
  if (path === "") return [];
  if (typeof path !== "string" || path[0] !== "/") throw new TypeError(`a path begins with /, as in "/title": ${path}`);
  return path.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~2", "@").replaceAll("~0", "~"));
}

export const pointer = (steps) =>
  steps.map((step) => "/" + `${step}`.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("@", "~2")).join("");

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function below(value, step) {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(step) ? value[step] : undefined;
  return isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

export const valueAt = (value, steps) => steps.reduce(below, value);

/** The value with another one at a place, which `change` makes of what stands there; undefined removes it. */
function changed(value, steps, change) {
  if (!steps.length) return change(value);
  const [step, ...rest] = steps;
  if (Array.isArray(value)) {
    if (below(value, step) === undefined) return value;
    const inner = changed(value[step], rest, change);
    return inner === undefined ? value.toSpliced(Number(step), 1) : value.with(Number(step), inner);
  }
  if (value !== undefined && !isMap(value)) return value;
  const inner = changed(below(value, step), rest, change);
  if (inner === undefined && below(value, step) === undefined) return value;
  const { [step]: _, ...others } = value ?? {};
  // Not by assignment: "__proto__" is a name like any other.
  return inner === undefined ? others : { ...value, ["" + step]: inner };
}

/** What a value looks like once it is stored: kinds become what they show. */
function shownForm(value) {
  if (Array.isArray(value)) return value.map(shownForm);
  if (!isMap(value)) return value;
  const names = Object.keys(value);
  if (names.length === 1 && ["$text", "$counter", "$set", "$flag"].includes(names[0])) return value[names[0]];
  return Object.fromEntries(names.map((name) => [name, shownForm(value[name])]));
}

const form = (value) => JSON.stringify(value);
const listOf = (value) => (Array.isArray(value) ? value : value === undefined ? [] : null);

/** What the value is once an operation is done. One that does not fit changes nothing: the node says why. */
export function performed(value, operation) {
  const at = (change) => changed(value, steps(operation.path), change);
  const inList = (change) => at((old) => (listOf(old) ? change(listOf(old)) : old));
  switch (operation.op) {
    case "set": return at(() => shownForm(operation.value));
    case "remove": return at(() => undefined);
    case "increment": return at((old = 0) => (Number.isInteger(old) ? old + operation.by : old));
    case "enable": return at(() => true);
    case "disable": return at(() => false);
    case "add":
      return inList((set) => [...set.filter((one) => form(one) !== form(operation.value)), operation.value]);
    case "discard":
      return inList((set) => set.filter((one) => form(one) !== form(operation.value)));
    case "insert": return inList((list) => list.toSpliced(operation.at, 0, ...operation.values.map(shownForm)));
    case "move":
      return inList((list) => {
        if (operation.from >= list.length) return list;
        return list.toSpliced(operation.from, 1).toSpliced(operation.to, 0, list[operation.from]);
      });
    case "text":
      return at((old) => {
        if (old !== undefined && typeof old !== "string") return old;
        return rewritten(old ?? "", operation.change);
      });
  }
}

/** What a node's event makes of a value. Its operations always fit, and their values are as they are shown. */
export function told(value, operation) {
  const { op, path, at } = operation;
  switch (op) {
    case "set": return changed(value, steps(path), () => operation.value);
    case "insert": return changed(value, steps(path), (list) => list.toSpliced(at, 0, ...operation.values));
    case "splice":
      return performed(value, { op: "text", path, change: splice(at, operation.delete ?? 0, [operation.text ?? ""]) });
    default: return performed(value, operation);
  }
}

/** A text's change up to the end of what it does at its first place, and what is left of it then. */
export function cut(change) {
  const [first, rest] = [[], []];
  let isOver = false;
  for (const part of change) {
    isOver ||= part.keep !== undefined && first.some((one) => !one.keep);
    if (!isOver) {
      // Characters that are too many for one insertion are put behind the first ones.
      const some = part.put ? { put: part.put.slice(0, Limits.insertion) } : part;
      push(first, some);
      if (!part.drop) push(rest, { keep: sizeOf(some) });
      if (part.put) push(rest, { put: part.put.slice(Limits.insertion) });
    } else push(rest, part);
  }
  return [trimmed(first), trimmed(rest)];
}

/** A change at one place as a node takes it. */
function wired(operation) {
  if (operation.op !== "text") return operation;
  const wire = { op: "splice", path: operation.path, at: 0 };
  for (const { keep, put, drop } of operation.change) {
    if (keep) wire.at = keep;
    if (put) wire.text = put.join("");
    if (drop) wire.delete = drop;
  }
  return wire;
}

/** The text or list in which an operation counts places; null if it counts none. */
function countedIn({ op, path }) {
  const index = /^(.*?)\/\d+(\/.*)?$/.exec(path);
  if (index) return index[1];
  return ["text", "insert", "move"].includes(op) ? path : null;
}

/** Where each element of a list has gone; -1 if it is gone. By contents: what is moved or changed is recognised. */
export function places(old, now) {
  const [oldForms, nowForms] = [old.map(form), now.map(form)];
  const to = new Array(old.length).fill(-1);
  const gaps = [];
  let [x, y] = [0, 0];
  for (const part of [...difference(oldForms, nowForms), { keep: Infinity }]) {
    if (part.keep) {
      gaps.push([]);
      for (let left = part.keep; left > 0 && x < old.length; left--) to[x++] = y++;
    } else {
      if (!gaps.length) gaps.push([]);
      for (let left = part.drop ?? 0; left > 0; left--) gaps.at(-1).push({ old: x++ });
      for (const _ of part.put ?? []) gaps.at(-1).push({ now: y++ });
    }
  }
  const added = new Map();
  for (const { now: place } of gaps.flat()) {
    if (place !== undefined) added.set(nowForms[place], [...(added.get(nowForms[place]) ?? []), place]);
  }
  const taken = new Set();
  for (const { old } of gaps.flat()) {
    if (old === undefined) continue;
    to[old] = added.get(oldForms[old])?.shift() ?? -1;
    taken.add(to[old]);
  }
  // One that was changed where it stood has most of its members still.
  for (const gap of gaps) {
    const come = gap.filter((one) => one.now !== undefined && !taken.has(one.now));
    for (const { old: place } of gap) {
      if (place === undefined || to[place] >= 0) continue;
      const found = come.findIndex((one) => isSameChanged(old[place], now[one.now]));
      if (found >= 0) to[place] = come.splice(found, 1)[0].now;
    }
  }
  return to;
}

function isSameChanged(old, now) {
  if (!isMap(old) || !isMap(now)) return false;
  const names = Object.keys(old);
  return names.filter((name) => form(old[name]) === form(now[name])).length * 2 >= names.length;
}

/** Behind the nearest element before `index` that is still there. */
function placeBehind(index, to) {
  for (let left = index - 1; left >= 0; left--) if (to[left] >= 0) return to[left] + 1;
  return 0;
}

/**
 * Operations that were made on `old`, as they are on `now`. Of what is gone nothing is left to be done; an insertion
 * stands beside what it stood beside.
 */
export function carried(operations, old, now) {
  const result = [];
  // For each text what turns the old one into the new one, as far as the operations have come.
  const texts = new Map();
  for (const operation of operations) {
    const own = carriedOne(operation, old, now, texts);
    old = performed(old, operation);
    if (own) now = performed(now, own);
    if (own) result.push(own);
  }
  return result;
}

function carriedOne(operation, old, now, texts) {
  const [from, to] = [steps(operation.path), []];
  let [oldValue, nowValue] = [old, now];
  for (const step of from) {
    let next = step;
    if (Array.isArray(oldValue) && Array.isArray(nowValue)) {
      const place = places(oldValue, nowValue)[step] ?? -1;
      if (place < 0) return null;
      next = `${place}`;
    }
    to.push(next);
    [oldValue, nowValue] = [below(oldValue, step), below(nowValue, next)];
  }
  const own = { ...operation, path: pointer(to) };
  if (operation.op === "text") {
    const others = texts.get(operation.path) ?? difference(scalars(`${oldValue ?? ""}`), scalars(`${nowValue ?? ""}`));
    texts.set(operation.path, transform(others, operation.change, true));
    own.change = transform(operation.change, others);
    return own.change.length ? own : null;
  }
  // What else it may change is compared anew.
  texts.clear();
  if (operation.op !== "insert" && operation.op !== "move") return own;
  const there = places(listOf(oldValue) ?? [], listOf(nowValue) ?? []);
  if (operation.op === "insert") return { ...own, at: placeBehind(operation.at, there) };
  const place = there[operation.from] ?? -1;
  if (place < 0) return null;
  const others = there.toSpliced(operation.from, 1).map((one) => (one > place ? one - 1 : one));
  return { ...own, from: place, to: placeBehind(operation.to, others) };
}

// ---- Contexts (docs/formats/context.md) -------------------------------------------------------------------------

/** What a context has seen: for each life of a node how many of its changes. Of none, nothing. */
export function seen(context) {
  const versions = new Map();
  if (!context) return versions;
  const bytes = Uint8Array.from(atob(context), (one) => one.charCodeAt(0));
  let place = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[place++];
      if (byte === undefined) throw new RangeError("a context that ends early");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  if (bytes[place++] !== 2) throw new RangeError("a context of another version");
  for (let nodes = varint(); nodes > 0n; nodes--) {
    const length = Number(varint());
    const node = new TextDecoder().decode(bytes.subarray(place, (place += length)));
    for (let lives = varint(); lives > 0n; lives--) versions.set(`${node}~${varint()}`, varint());
  }
  return versions;
}

/** Whether who has the one context has seen all of the other. Of contexts that are newer than this page, it is so. */
export function covers(context, other) {
  if (context === other) return true;
  try {
    const own = seen(context);
    return [...seen(other)].every(([life, count]) => (own.get(life) ?? 0n) >= count);
  } catch {
    return true;
  }
}

/** Whether who has a context has seen what an answer tells of: its dots, or all that its node had. */
function hasSeen(context, answer) {
  const [, life, last] = /^(.*):\d+-(\d+)$/.exec(answer.dots ?? "") ?? [];
  if (!life) return covers(context, answer.context);
  try { return (seen(context).get(life) ?? 0n) >= BigInt(last); } catch { return true; }
}

// ---- One document, without network ------------------------------------------------------------------------------

/** A change that cannot be taken: too many wait. */
export class QueueFull extends Error {}

/** What is confirmed of a key, what is on its way, and what waits. */
export class Draft {
  /** `saved`: what `saved()` gave. */
  constructor(saved) {
    // Of the last request. Never given twice: what a node has done under a number it answers as done.
    this.number = 0;
    this.base = undefined;
    this.context = null;
    this.isLoaded = false;
    this.flight = null;
    this.queue = [];
    // The last dot of the last answer to a request that was sent again: whoever takes the next must know of it.
    this.after = null;
    Object.assign(this, saved);
    // A newer document than the confirmed one; whether it has the flight's changes is known when that is answered.
    this.newer = null;
    this.show();
  }

  saved() {
    const { number, base, context, isLoaded, flight, queue, after } = this;
    return { number, base, context, isLoaded, flight, queue, after };
  }

  get waits() { return this.queue.length + (this.flight?.operations.length ?? 0); }

  show() {
    this.sent = (this.flight?.operations ?? []).reduce(performed, this.base);
    this.shown = this.queue.reduce(performed, this.sent);
  }

  change(operation) {
    const shown = performed(this.shown, operation);
    const last = this.queue.at(-1);
    if (operation.op === "text" && last?.op === "text" && last.path === operation.path) {
      const change = compose(last.change, operation.change);
      if (change.length > Limits.waiting) throw new QueueFull("too many changes wait");
      if (change.length) this.queue[this.queue.length - 1] = { ...last, change };
      else this.queue.pop();
    } else {
      if (this.waits >= Limits.waiting) throw new QueueFull(`${this.waits} changes wait for a node already`);
      this.queue.push(operation);
    }
    this.shown = shown;
  }

  /** The next request becomes the flight, if there is something to send and nothing on its way. */
  takeOff() {
    if (this.flight || !this.queue.length || !this.isLoaded) return false;
    const operations = [];
    const wire = [];
    let room = Limits.requestBytes;
    const fits = (one) => {
      room -= form(one).length * 3;
      return (room >= 0 && wire.length < Limits.requestOperations) || !wire.length;
    };
    // A second place in one text or list would be counted in what a node makes of the first, among what others have done
    // there that nobody here has seen.
    const counted = new Set();
    while (this.queue.length) {
      const [operation] = this.queue;
      const [first, rest] = operation.op === "text" ? cut(operation.change) : [];
      const one = first ? { ...operation, change: first } : operation;
      const place = countedIn(one);
      if (counted.has(place) || !fits(wired(one))) break;
      if (place !== null) counted.add(place);
      operations.push(one);
      wire.push(wired(one));
      if (rest?.length) this.queue[0] = { ...operation, change: rest };
      else this.queue.shift();
      if (rest?.length) break;
    }
    this.number += 1;
    this.flight = { number: this.number, operations, wire, context: this.context, after: this.after, isAgain: false };
    this.show();
    return true;
  }

  /** A document that a node shows. Returns whether something of it is shown now. */
  confirm(value, context) {
    if (this.flight) {
      if (!this.newer || covers(context, this.newer.context)) this.newer = { value, context };
      return this.land();
    }
    // One that has not seen what is shown is followed by another.
    if (this.isLoaded && !covers(context, this.context)) return false;
    this.rest(value, context);
    return true;
  }

  rest(value, context) {
    this.queue = carried(this.queue, this.sent, value);
    [this.base, this.context, this.isLoaded, this.newer] = [value, context, true, null];
    this.show();
  }

  /** The flight's request is done. Returns whether something new is confirmed. */
  answered(answer) {
    if (answer.done !== this.flight?.number) return false;
    const dots = /^(.*:)\d+-(\d+)$/.exec(answer.dots ?? "");
    if (this.flight.isAgain && dots) this.after = dots[1] + dots[2];
    this.flight.answer = { dots: answer.dots, context: answer.context };
    return this.land();
  }

  /** The flight ends with a document that has seen its changes, and perhaps those of others. */
  land() {
    const { flight, newer } = this;
    if (!flight.answer || !newer || !hasSeen(newer.context, flight.answer)) return false;
    this.flight = null;
    this.rest(newer.value, newer.context);
    return true;
  }

  /** What has become of the request, or of what it did, is open. It goes out again under its name. */
  lost() {
    if (this.flight) Object.assign(this.flight, { isAgain: true, answer: null });
  }

  /**
   * The flight's request was not done, and will not be. What can be done otherwise waits again. Returns the operations
   * that are given up.
   */
  refused(problem) {
    const { operations } = this.flight;
    const newer = this.newer;
    this.flight = null;
    let given = [];
    if (problem.type?.endsWith("/context-too-old")) {
      // The same, on a fresh document.
      this.queue = [...operations, ...this.queue];
      this.isLoaded = false;
    } else {
      const place = operations[problem.operation] ? problem.operation : -1;
      given = place < 0 ? operations : [operations[place]];
      const before = place < 0 ? [] : operations.slice(0, place);
      const old = given.reduce(performed, before.reduce(performed, this.base));
      const behind = [...(place < 0 ? [] : operations.slice(place + 1)), ...this.queue];
      this.queue = [...before, ...carried(behind, old, before.reduce(performed, this.base))];
    }
    this.show();
    if (newer) this.confirm(newer.value, newer.context);
    return given;
  }

  /** The next document counts, whatever it has seen: what was shown is not to be had any more. */
  forget() {
    this.isLoaded = false;
    this.newer = null;
  }
}

// ---- What outlives the page -------------------------------------------------------------------------------------

/** Drafts in IndexedDB, each under its key and writer. A browser that has none, or forbids it, keeps nothing. */
class Shelf {
  constructor() {
    this.opening = new Promise((resolve) => {
      if (!globalThis.indexedDB || !globalThis.navigator?.locks) return resolve(null);
      const request = indexedDB.open("atoll", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: ["key", "writer"] });
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(null);
    });
  }

  async run(mode, work) {
    const database = await this.opening;
    if (!database) return undefined;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("drafts", mode);
      const request = work(transaction.objectStore("drafts"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  put(key, writer, draft) { return this.run("readwrite", (store) => store.put({ key, writer, draft })); }
  delete(key, writer) { return this.run("readwrite", (store) => store.delete([key, writer])); }

  /** What pages have left that are gone: each is this page's from now on. */
  async adopt(key) {
    const range = globalThis.IDBKeyRange?.bound([key, ""], [key, "\uffff"]);
    const records = (await this.run("readonly", (store) => store.getAll(range))) ?? [];
    const own = [];
    for (const record of records) if (await this.claim(record.key, record.writer)) own.push(record);
    return own;
  }

  /** A writer is one page's; its lock is free when that page is gone. */
  claim(key, writer) {
    if (!globalThis.navigator?.locks) return true;
    return new Promise((resolve) => {
      const held = new Promise(() => {});
      navigator.locks.request(`atoll ${key} ${writer}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? held : undefined;
      });
    });
  }
}

function randomWriter() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- The connection ---------------------------------------------------------------------------------------------

class Emitter {
  listeners = new Map();

  /** Calls `listener` at each event of this name; returns what ends that. */
  on(name, listener) {
    const all = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, all.add(listener));
    return () => all.delete(listener);
  }

  emit(name, detail) {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      // One that fails must not stop what the others, and this module, have to do.
      try { listener(detail); } catch (error) { queueMicrotask(() => { throw error; }); }
    }
  }
}

/** Where a node serves all of its keys. */
const livePath = "/v1/live";

/** One WebSocket to one node at a time: to the next one when it breaks, at once when the network is there again. */
class Connection {
  constructor(origin, owner) {
    this.nodes = [origin];
    this.owner = owner;
    this.isOpen = false;
    this.tries = 0;
    globalThis.addEventListener?.("online", () => this.retryNow());
    globalThis.addEventListener?.("offline", () => this.socket?.close());
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const url = this.nodes[0].replace(/^http/, "ws") + this.owner.path;
    const socket = new WebSocket(url, "atoll.v1");
    this.socket = socket;
    this.watch(Limits.patience);
    socket.onopen = () => {
      this.isOpen = true;
      this.tries = 0;
      this.watch(Limits.silence);
      this.learnNodes();
      this.owner.opened();
    };
    socket.onmessage = ({ data }) => {
      this.watch(Limits.silence);
      this.owner.received(JSON.parse(data));
    };
    socket.onclose = () => this.lost(socket);
  }

  /** Gives the socket up if nothing comes for so long. A close may take a minute to be told of: nobody waits for it. */
  watch(patience) {
    const socket = this.socket;
    clearTimeout(this.patience);
    this.patience = setTimeout(() => {
      socket.close();
      this.lost(socket);
    }, patience);
  }

  lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    clearTimeout(this.patience);
    const wasOpen = this.isOpen;
    this.isOpen = false;
    if (wasOpen) this.owner.closed();
    this.nodes.push(this.nodes.shift());
    const [least, most] = Limits.retry;
    const pause = Math.min(most, least * 2 ** this.tries) * (0.5 + Math.random() / 2);
    this.tries = Math.min(this.tries + 1, 10);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  retryNow() {
    this.tries = 0;
    if (!this.socket) this.connect();
  }

  send(message) {
    if (this.isOpen && this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  /** The cluster's other nodes, as the first one knows them: for when this one is gone. */
  async learnNodes() {
    const own = this.nodes[0];
    if (!own.startsWith("http:") || this.hasLearned || this.owner.path !== livePath) return;
    try {
      const response = await fetch(own + "/v1/nodes");
      const { nodes } = await response.json();
      const others = nodes.filter((node) => !node.self).map((node) => "http://" + node.http);
      this.nodes = [own, ...others.filter((node) => node !== own)];
      this.hasLearned = true;
    } catch {
      // Only the node that this page is from is asked by a browser; the next connection to it tries again.
    }
  }
}

// ---- Documents --------------------------------------------------------------------------------------------------

/** A key that is shown and changed; `atoll.open(key)` makes it. */
export class Document extends Emitter {
  constructor(key, client) {
    super();
    this.key = key;
    this.client = client;
    this.draft = new Draft();
    this.writer = randomWriter();
    this.state = "offline";
    // The node has shown all that stands there.
    this.isReady = false;
    // A request is with the node, or is to be tried again soon.
    this.isSending = false;
    // What is confirmed is so by a node that this page has heard, and not only by the shelf: what was kept there may be of a
    // cluster that was set up anew since, which takes nothing that counts places in it.
    this.isShown = false;
    // Since the key is watched on this connection; and what came last, which changes are made of.
    this.hasCome = false;
    this.heard = undefined;
    // No replica is heard; no replica takes changes.
    this.isLagging = false;
    this.isRefused = false;
    this.presence = new Presence(this);
    /** Fulfilled when there is something to show, from a node or from this browser's shelf. */
    this.ready = new Promise((resolve) => (this.becameReady = resolve));
  }

  /** As it is shown: confirmed, and what this page has changed. Undefined if nothing is stored. Not to be changed. */
  get value() { return this.draft.shown; }
  /** How many changes no node has confirmed yet. */
  get pending() { return this.draft.waits; }

  get(path = "") { return valueAt(this.value, steps(path)); }

  set(path, value) { this.change({ op: "set", path, value }); }
  remove(path) { this.change({ op: "remove", path }); }
  increment(path, by = 1) { this.change({ op: "increment", path, by }); }
  add(path, value) { this.change({ op: "add", path, value }); }
  discard(path, value) { this.change({ op: "discard", path, value }); }
  enable(path) { this.change({ op: "enable", path }); }
  disable(path) { this.change({ op: "disable", path }); }

  /** Before the element at `at`; at the end, if it is "-". */
  insert(path, at, ...values) {
    const length = this.get(path)?.length ?? 0;
    this.change({ op: "insert", path, at: at === "-" ? length : Math.min(at, length), values });
  }

  /** `to` is counted without the element that moves. */
  move(path, from, to) { if (from !== to) this.change({ op: "move", path, from, to }); }

  text(path = "") { return new Text(this, path); }

  change(operation) {
    steps(operation.path);
    const old = this.value;
    this.draft.change(operation);
    this.store();
    if (this.value !== old) this.emit("change", { value: this.value, isLocal: true });
    this.send();
  }

  /** Nothing more is heard of it. What waits is sent all the same, when the key is opened next. */
  close() {
    this.presence.leave();
    this.client.close(this);
  }

  // What comes from the connection.

  connected(number) {
    this.number = number;
    this.hasCome = false;
    const since = this.isShown ? this.draft.context : null;
    this.client.send({ watch: number, key: this.key, since: since ?? undefined, changes: true });
    this.presence.tell();
  }

  disconnected() {
    this.draft.lost();
    [this.isReady, this.isSending, this.isLagging, this.isRefused] = [false, false, false, false];
    clearTimeout(this.timer);
    clearTimeout(this.givingUp?.timer);
    this.givingUp = null;
    this.tellState();
  }

  event({ event, data }) {
    switch (event) {
      case "document":
      case "change":
      case "value":
      case "deleted":
        this.hasCome = true;
        this.heard = event === "change" ? data.ops.reduce(told, this.heard) : data.value;
        return this.show(() => this.draft.confirm(this.heard, data.version));
      case "reset":
        this.isReady = this.isShown = false;
        this.draft.forget();
        return undefined;
      case "ready":
        // Where all was asked for and nothing came, nothing stands.
        if (!this.isShown && !this.hasCome) this.show(() => this.draft.confirm(undefined, null));
        this.isReady = true;
        this.tellState();
        return this.send();
      case "heard": return this.presence.take(data);
      case "lagging":
      case "current":
        this.isLagging = event === "lagging";
        return this.tellState();
      default: return undefined;
    }
  }

  show(change) {
    const old = this.value;
    const isTaken = change();
    if (isTaken) this.isShown = true;
    if (this.draft.isLoaded) this.becameReady(this);
    this.store();
    if (this.value !== old) this.emit("change", { value: this.value, isLocal: false });
    // What a lost node alone had seen never comes: after a while what there is counts.
    if (!isTaken && !this.isUnderWay) this.giveUpLater();
    this.send();
    this.emit("pending", this.pending);
  }

  /** A request that is not answered. */
  get isUnderWay() { return this.draft.flight !== null && !this.draft.flight.answer; }

  giveUpLater() {
    const context = this.draft.context;
    // Others' changes, which come on and on, do not put it off.
    if (this.givingUp?.context === context) return;
    clearTimeout(this.givingUp?.timer);
    const timer = setTimeout(() => {
      this.givingUp = null;
      if (this.draft.context !== context || this.isUnderWay || !this.client.isOpen) return;
      this.rewatch();
    }, Limits.patience);
    this.givingUp = { context, timer };
  }

  rewatch() {
    this.isShown = false;
    this.draft.forget();
    this.client.rewatch(this);
  }

  done(answer) {
    if (answer.done !== this.draft.flight?.number) return;
    [this.isSending, this.isRefused] = [false, false];
    this.show(() => this.draft.answered(answer));
    this.tellState();
  }

  failed({ failed, problem }) {
    if (failed !== this.draft.flight?.number) return;
    if (problem.status === 503 || problem.status === 429) {
      // What it has done is open; the cluster knows the request again by its name.
      this.draft.lost();
      this.isRefused = true;
      this.tellState();
      this.timer = setTimeout(() => {
        this.isSending = false;
        this.send();
      }, Limits.retry[0] * (2 + 2 * Math.random()));
      return;
    }
    this.isSending = false;
    const given = [];
    this.show(() => {
      given.push(...this.draft.refused(problem));
      return this.isShown && this.draft.isLoaded;
    });
    if (!this.draft.isLoaded) this.rewatch();
    // What is to be removed, and is not there, is as it should be.
    const isDone = (one) => one.op === "remove" && problem.type.endsWith("/not-applicable");
    if (!given.every(isDone)) this.emit("refused", { operations: given, problem });
  }

  tellState() {
    const state = !this.isReady ? "offline" : this.isLagging || this.isRefused ? "behind" : "live";
    if (state !== this.state) this.emit("state", (this.state = state));
  }

  // What goes out.

  async send() {
    if (!this.client.isOpen || !this.isReady || this.isSending || this.draft.flight?.answer) return;
    if (!this.draft.flight && !(this.isShown && this.draft.takeOff())) return;
    const flight = this.draft.flight;
    this.isSending = true;
    const number = this.number;
    // Before anybody may have seen it: a page that dies now would give its number to another request.
    await this.store(true);
    if (this.draft.flight !== flight || this.number !== number || !this.isSending) return;
    this.client.send({
      do: number, number: flight.number, ops: flight.wire, context: flight.context ?? undefined,
      writer: this.writer, again: flight.isAgain || undefined, after: flight.after ?? undefined,
    });
  }

  /** Soon, or now: then the promise is fulfilled when it is on the shelf. */
  store(isNow = false) {
    clearTimeout(this.storing);
    const put = () => this.client.shelf.put(this.key, this.writer, this.draft.saved()).catch(() => {});
    if (isNow) return put();
    this.storing = setTimeout(put, 100);
    return undefined;
  }

  /** Takes up what a page that is gone has left. */
  restore({ writer, draft }) {
    this.writer = writer;
    const since = this.draft.queue;
    this.draft = new Draft(draft);
    this.draft.lost();
    for (const operation of since) this.draft.change(operation);
    if (this.draft.isLoaded) this.becameReady(this);
    this.emit("change", { value: this.value, isLocal: false });
  }
}

/** A text within a document. */
class Text {
  constructor(document, path) {
    this.document = document;
    this.path = path;
  }

  get value() { return `${this.document.get(this.path) ?? ""}`; }

  /** Positions count Unicode scalar values. */
  splice(at, count, text = "") {
    this.change(splice(at, count, scalars(text.toWellFormed())));
  }

  change(change) {
    if (change.length) this.document.change({ op: "text", path: this.path, change });
  }

  /** Shows the text in a textarea or an input, and takes what is typed there. Returns what ends that. */
  bind(element) {
    // What the element was last made the same as.
    let synced = null;
    let isComposing = false;
    const show = () => {
      if (isComposing || !this.document.draft.isLoaded) return;
      element.readOnly = false;
      const text = this.value;
      if (element.value !== text) {
        const isActive = globalThis.document?.activeElement === element;
        const [old, now] = isActive ? [scalars(element.value), scalars(text)] : [[], []];
        const change = difference(old, now);
        const carets = isActive ? [element.selectionStart, element.selectionEnd] : [];
        const [start, end] = carets.map((place) =>
          now.slice(0, moved(scalars(element.value.slice(0, place)).length, change)).join("").length);
        const { selectionDirection, scrollTop } = element;
        element.value = text;
        if (isActive) element.setSelectionRange(start, end, selectionDirection);
        // To say where it is scrolled to, a browser lays all of it out.
        if (isActive || scrollTop) element.scrollTop = scrollTop;
      }
      synced = text;
    };
    const read = () => {
      if (isComposing || synced === null) return;
      const typed = element.value.toWellFormed();
      const [old, now, before] = [synced, typed, typed.slice(0, element.selectionEnd)].map(scalars);
      const own = typedChange(old, now, before.length);
      // What came while something was being composed has not been shown yet.
      const others = this.value === synced ? [] : difference(old, scalars(this.value));
      try { this.change(transform(own, others)); } finally { show(); }
    };
    const composition = ({ type }) => {
      isComposing = type === "compositionstart";
      read();
      show();
    };
    element.readOnly = true;
    show();
    element.addEventListener("input", read);
    element.addEventListener("compositionstart", composition);
    element.addEventListener("compositionend", composition);
    const stop = this.document.on("change", show);
    this.document.ready.then(show);
    return () => {
      stop();
      element.removeEventListener("input", read);
      element.removeEventListener("compositionstart", composition);
      element.removeEventListener("compositionend", composition);
    };
  }
}

/** One splice, for typing is one; of equal characters those before the caret were typed. */
export function typedChange(old, now, caret) {
  let end = 0;
  const most = Math.min(old.length, now.length - caret);
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  let start = 0;
  while (start < Math.min(old.length, now.length) - end && old[start] === now[start]) start++;
  return splice(start, old.length - end - start, now.slice(start, now.length - end));
}

/** Who else looks at a document, and what they say of themselves: a name, a colour, a place in the text. */
class Presence extends Emitter {
  constructor(document) {
    super();
    this.document = document;
    this.heard = new Map();
  }

  /** What the others have said last, by writer. */
  get others() { return new Map([...this.heard].map(([from, { data }]) => [from, data])); }

  /** Tells the others, now and as long as this page is open. Up to 1 KiB as JSON. */
  say(data) {
    this.own = data;
    this.tell();
  }

  tell() {
    clearInterval(this.timer);
    if (this.own === undefined) return;
    const tell = () => {
      if (this.document.number) this.document.client.send({ say: this.document.number, data: this.own });
    };
    tell();
    this.timer = setInterval(tell, Limits.presenceEvery);
  }

  leave() {
    if (this.own !== undefined) this.document.client.send({ say: this.document.number, data: null });
    clearInterval(this.timer);
  }

  take({ from, data }) {
    if (from === this.document.client.name) return;
    // Who has just come hears of those who are here.
    if (!this.heard.has(from) && data !== null) this.tell();
    clearTimeout(this.heard.get(from)?.timer);
    this.heard.delete(from);
    if (data !== null) {
      const timer = setTimeout(() => this.take({ from, data: null }), Limits.presenceLasts);
      this.heard.set(from, { data, timer });
    }
    this.emit("change", this.others);
  }
}

/** The items under a partition key, in the order of their sort keys; `atoll.list("timeline/ann/")` makes it. */
export class List extends Emitter {
  constructor(key, client) {
    super();
    this.key = key;
    this.client = client;
    this.bySort = new Map();
    this.versions = new Map();
    this.state = "offline";
    this.ready = new Promise((resolve) => (this.becameReady = resolve));
  }

  get items() {
    return [...this.bySort.values()].sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0));
  }

  close() { this.client.close(this); }

  connected(number) {
    this.number = number;
    this.client.send({ watch: number, key: this.key, since: this.last });
  }

  disconnected() { this.setState("offline"); }

  event({ event, data, id }) {
    this.last = id ?? this.last;
    const sort = data?.sort ?? data?.sort_base64;
    if (event === "reset") {
      this.bySort.clear();
      this.versions.clear();
    }
    // After a resumption older states may come once more.
    else if (["item", "removed"].includes(event) && covers(data.version, this.versions.get(sort))) {
      this.versions.set(sort, data.version);
      if (event === "item") this.bySort.set(sort, { ...data, sort });
      else this.bySort.delete(sort);
    }
    if (event === "ready" || event === "current") this.setState("live");
    if (event === "ready") this.becameReady(this);
    if (event === "lagging") this.setState("behind");
    if (["item", "removed", "ready"].includes(event)) this.emit("change", this.items);
  }

  setState(state) {
    if (this.state !== state) this.emit("state", (this.state = state));
  }
}

/** All that a page has open of one cluster. */
export class Client extends Emitter {
  /** A `path` of its own is that of a WebSocket for a single key; no other node is looked for then. */
  constructor(origin, path = livePath) {
    super();
    this.origin = origin;
    this.path = path;
    this.shelf = new Shelf();
    this.watched = new Map();
    this.lastNumber = 0;
    // As what others hear it.
    this.name = randomWriter();
    globalThis.addEventListener?.("pagehide", () => {
      for (const target of this.watched.values()) target.presence?.leave();
    });
  }

  get isOpen() { return this.connection?.isOpen ?? false; }

  /** A typed key, such as "docs/plan". */
  open(key) {
    const document = new Document(key, this);
    this.start(document);
    return document;
  }

  /** What stands under a partition key, such as "timeline/ann/". */
  list(key) {
    const list = new List(key, this);
    this.watch(list);
    return list;
  }

  /** What pages that are gone have left comes first: one is taken up here, what others had to send goes beside it. */
  async start(document) {
    const left = await this.shelf.adopt(document.key).catch(() => []);
    const own = left.pop();
    if (own) document.restore(own);
    else await this.shelf.claim(document.key, document.writer);
    for (const other of left) this.deliver(other);
    if (!document.isClosed) this.watch(document);
  }

  deliver(record) {
    const document = new Document(record.key, this);
    document.restore(record);
    const end = () => {
      if (document.pending) return;
      clearTimeout(document.storing);
      this.close(document);
      this.shelf.delete(record.key, record.writer).catch(() => {});
    };
    document.on("pending", end);
    if (document.pending) this.watch(document);
    else end();
  }

  watch(target) {
    this.lastNumber += 1;
    this.watched.set(this.lastNumber, target);
    target.number = this.lastNumber;
    this.connection ??= new Connection(this.origin, this);
    if (this.isOpen) target.connected(this.lastNumber);
  }

  close(target) {
    target.isClosed = true;
    if (!this.watched.delete(target.number)) return;
    this.send({ unwatch: target.number });
    target.disconnected();
  }

  /** The same from the beginning, under a new number: what is still to come under the old one is of the past. */
  rewatch(target) {
    this.close(target);
    target.isClosed = false;
    this.watch(target);
  }

  /** The node does not show a key: too much to do is over soon. */
  refused(target, problem) {
    if (!target) return;
    if (problem.status !== 503 && problem.status !== 429) return target.emit("refused", { problem });
    const { number } = target;
    setTimeout(() => {
      if (target.number === number && !target.isClosed) this.rewatch(target);
    }, Limits.retry[1] * (0.1 + Math.random() / 5));
  }

  send(message) { this.connection?.send(message); }

  opened() {
    this.send({ hello: { writer: this.name } });
    for (const [number, target] of [...this.watched]) target.connected(number);
    this.emit("state", "open");
  }

  closed() {
    for (const target of this.watched.values()) target.disconnected();
    this.emit("state", "closed");
  }

  received(message) {
    const target = this.watched.get(message.watch);
    if ("done" in message) target?.done?.(message);
    else if ("failed" in message) target?.failed?.(message);
    else if ("refused" in message) this.refused(this.watched.get(message.refused), message.problem);
    else if (message.event) target?.event(message);
    else if (message.problem) this.emit("problem", message.problem);
  }
}

/** The cluster that this module came from. */
export const atoll = new Client(new URL(import.meta.url).origin);
export default atoll;
