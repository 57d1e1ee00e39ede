// /atoll.js with a page around it: connections, watches, textareas, presence; and the examples of docs/BROWSER.md.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Client, difference, performed, scalars, splice } from "../../../Sources/Edge/Pages/atoll.js";
import { context } from "./model.mjs";

/** Nodes with one set of values, that a page's sockets connect to. */
class Nodes {
  constructor() {
    this.keys = new Map();
    this.sockets = new Set();
    this.isDown = false;
    this.requests = [];
    this.fate = () => "answered";
  }

  key(name) {
    if (!this.keys.has(name)) this.keys.set(name, { value: undefined, count: 0, done: new Map() });
    return this.keys.get(name);
  }

  state(name) {
    const { value, count } = this.key(name);
    return { value, context: count ? context(new Map([["de~1", count]])) : null };
  }

  change(name, operations) {
    const key = this.key(name);
    for (const one of operations) {
      key.value = performed(key.value, one.op !== "splice" ? one
        : { op: "text", path: one.path, change: splice(one.at, one.delete ?? 0, scalars(one.text ?? "")) });
    }
    key.count += 1;
    for (const socket of this.sockets) socket.tell(name);
  }

  /** Everything that is on its way has arrived. */
  async settle(condition = () => true, seconds = 10) {
    for (const end = Date.now() + seconds * 1_000; Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (condition()) return;
    }
    assert.fail(`not within ${seconds} s: ${condition}`);
  }
}

/** What a node tells to have changed of two documents with fields; null where it shows the new one. */
function changes(old, now) {
  if (!old || !now) return null;
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name])).flatMap((name) => {
    const path = `/${name}`;
    if (now[name] === undefined) return [{ op: "remove", path }];
    if (typeof old[name] !== "string" || typeof now[name] !== "string") return [{ op: "set", path, value: now[name] }];
    let at = 0;
    return difference(scalars(old[name]), scalars(now[name])).flatMap((part) => {
      if (part.put) return [{ op: "splice", path, at: (at += part.put.length) - part.put.length, text: part.put.join("") }];
      at += part.keep ?? 0;
      return part.drop ? [{ op: "splice", path, at, delete: part.drop }] : [];
    });
  });
}

let nodes = new Nodes();

class FakeSocket {
  constructor(url, protocol) {
    assert.equal(protocol, "atoll.v1");
    Object.assign(this, { url, nodes, readyState: 0, watches: new Map() });
    nodes.tried = [...(nodes.tried ?? []), url];
    setTimeout(() => {
      if (this.nodes.isDown) return this.end();
      this.readyState = 1;
      this.nodes.sockets.add(this);
      this.onopen();
    });
  }

  end() {
    this.readyState = 3;
    this.nodes.sockets.delete(this);
    setTimeout(() => this.onclose());
  }

  close() { if (this.readyState < 3) this.end(); }
  hear(message) { setTimeout(() => { if (this.readyState === 1) this.onmessage({ data: JSON.stringify(message) }); }); }

  tell(name) {
    if (this.nodes.isMute) return;
    for (const [watch, { key, shown }] of this.watches) {
      if (key !== name) continue;
      const { value, context } = this.nodes.state(name);
      const ops = changes(shown, value);
      const event = value === undefined ? "deleted" : ops ? "change" : "document";
      this.watches.get(watch).shown = value;
      this.hear({ watch, event, id: context, data: { watch: key, version: context, ...(ops ? { ops } : { value }) } });
    }
  }

  send(text) {
    const message = JSON.parse(text);
    if (message.hello) {
      this.writer = message.hello.writer;
      assert.match(this.writer, /^[0-9a-f]{32}$/);
    } else if (message.watch) {
      assert.equal(message.changes ?? false, !message.key.endsWith("/"));
      this.watches.set(message.watch, { key: message.key });
      const { context } = this.nodes.state(message.key);
      if (context && context !== message.since) this.tell(message.key);
      this.hear({ watch: message.watch, event: "ready", id: "-", data: { watch: message.key } });
    } else if (message.unwatch) this.watches.delete(message.unwatch);
    else if (message.do) this.perform(message);
    else if (message.say) {
      const { key } = this.watches.get(message.say);
      for (const socket of this.nodes.sockets) {
        for (const [watch, { key: other }] of socket.watches) {
          if (other === key) socket.hear({ watch, event: "heard", id: "-", data: { watch: key, from: this.writer, data: message.data } });
        }
      }
    }
  }

  perform(message) {
    const name = this.watches.get(message.do).key;
    const key = this.nodes.key(name);
    this.nodes.requests.push(message);
    const fate = this.nodes.fate(message);
    if (typeof fate === "object") return this.hear({ failed: message.number, watch: message.do, problem: fate });
    const id = `${message.writer}.${message.number}`;
    if (!key.done.has(id)) {
      this.nodes.change(name, message.ops);
      key.done.set(id, `de~1:${key.count}-${key.count}`);
    } else assert.ok(message.again, "the same again is said to be so");
    if (fate === "lost") return this.end();
    return this.hear({ done: message.number, watch: message.do, dots: key.done.get(id), results: [], context: this.nodes.state(name).context });
  }
}

globalThis.WebSocket = FakeSocket;
globalThis.fetch = async () => ({
  json: async () => ({ nodes: [{ http: "a:1", self: true }, { http: "b:1", self: false }, { http: "c:1", self: false }] }),
});

/** As much of a textarea as `bind` uses. */
class Field extends EventTarget {
  value = "";
  selectionStart = 0;
  selectionEnd = 0;
  selectionDirection = "none";
  scrollTop = 0;
  readOnly = false;

  setSelectionRange(start, end) { [this.selectionStart, this.selectionEnd] = [start, end]; }

  type(text, at = this.selectionEnd) {
    this.value = this.value.slice(0, at) + text + this.value.slice(at);
    this.setSelectionRange(at + text.length, at + text.length);
    this.dispatchEvent(new Event("input"));
  }
}

const field = new Field();
globalThis.document = { activeElement: field, querySelector: () => field };

function page() {
  nodes = new Nodes();
  return new Client("http://a:1");
}

const leave = (client) => {
  for (const target of client.watched.values()) target.presence?.leave();
  nodes.isDown = true;
  client.connection.connect = () => {};
  for (const socket of [...nodes.sockets]) socket.end();
};

test("what is changed shows at once, and is confirmed", async () => {
  const client = page();
  const plan = client.open("docs/plan");
  const states = [];
  plan.on("state", (state) => states.push(state));
  await plan.ready;
  assert.equal(plan.value, undefined);
  plan.set("/title", "Sea");
  plan.increment("/likes");
  plan.add("/tags", "blue");
  assert.deepEqual(plan.value, { title: "Sea", likes: 1, tags: ["blue"] });
  await nodes.settle(() => plan.pending === 0);
  assert.deepEqual(nodes.key("docs/plan").value, { title: "Sea", likes: 1, tags: ["blue"] });
  nodes.change("docs/plan", [{ op: "increment", path: "/likes", by: 5 }]);
  await nodes.settle(() => plan.value.likes === 6);
  assert.deepEqual(states, ["live"]);
  leave(client);
});

test("a request whose answer is lost is sent again, to another node, under its number", async () => {
  const client = page();
  const plan = client.open("docs/plan");
  await plan.ready;
  await nodes.settle(() => client.connection.nodes.length === 3);
  let count = 0;
  nodes.fate = () => (count++ < 2 ? "lost" : "answered");
  plan.increment("/likes", 7);
  await nodes.settle(() => plan.pending === 0);
  assert.equal(nodes.key("docs/plan").value.likes, 7);
  assert.deepEqual(nodes.requests.map((one) => [one.number, one.again]), [[1, undefined], [1, true], [1, true]]);
  assert.deepEqual(nodes.tried.map((url) => new URL(url).host), ["a:1", "b:1", "c:1"]);
  plan.increment("/likes", 1);
  await nodes.settle(() => plan.pending === 0);
  assert.equal(nodes.requests.at(-1).after, "de~1:1", "whoever takes the next must know of it");
  leave(client);
});

test("a request that is done and never shown is asked for again", async () => {
  const client = page();
  const plan = client.open("docs/plan");
  await plan.ready;
  nodes.isMute = true;
  plan.increment("/likes", 7);
  await nodes.settle(() => plan.draft.flight?.answer);
  assert.deepEqual([plan.pending, plan.value.likes], [1, 7]);
  nodes.isMute = false;
  await nodes.settle(() => plan.pending === 0, 20);
  assert.deepEqual(nodes.requests.map((one) => [one.number, one.again]), [[1, undefined], [1, true]]);
  assert.equal(plan.value.likes, 7);
  leave(client);
});

test("too much to do is over soon; what is refused is told and given up", async () => {
  const client = page();
  const plan = client.open("docs/plan");
  await plan.ready;
  const refused = [];
  plan.on("refused", (one) => refused.push(one));
  let count = 0;
  nodes.fate = () => [{ type: "/problems/overloaded", status: 503 }, { type: "/problems/wrong-type", status: 409 }][count++] ?? "answered";
  plan.increment("/likes", 7);
  await nodes.settle(() => plan.state === "behind");
  await nodes.settle(() => refused.length === 1);
  assert.equal(plan.value, undefined);
  assert.deepEqual(refused[0].operations, [{ op: "increment", path: "/likes", by: 7 }]);
  plan.increment("/likes", 2);
  await nodes.settle(() => plan.pending === 0 && plan.state === "live");
  assert.equal(nodes.key("docs/plan").value.likes, 2);
  leave(client);
});

test("offline, changes wait; online, they are sent at once and in order", async () => {
  const client = page();
  const plan = client.open("docs/plan");
  await plan.ready;
  nodes.isDown = true;
  for (const socket of [...nodes.sockets]) socket.end();
  await nodes.settle(() => plan.state === "offline");
  for (let n = 0; n < 50; n++) plan.insert("/list", "-", n);
  assert.equal(plan.get("/list").length, 50);
  nodes.isDown = false;
  client.connection.retryNow();
  await nodes.settle(() => plan.pending === 0);
  assert.deepEqual(nodes.key("docs/plan").value.list, Array.from({ length: 50 }, (_, n) => n));
  leave(client);
});

test("what was kept of a cluster that is gone is carried over to the new one", async () => {
  const client = page();
  const kept = { number: 9, base: { body: "old", list: [1] }, context: context(new Map([["de~0", 40]])), isLoaded: true, flight: null, after: null,
    queue: [{ op: "increment", path: "/likes", by: 1 }] };
  client.shelf.adopt = async () => [{ key: "docs/plan", writer: "0".repeat(32), draft: structuredClone(kept) }];
  const plan = client.open("docs/plan");
  await nodes.settle(() => plan.state === "live");
  assert.deepEqual(plan.value, { body: "old", list: [1], likes: 1 }, "it is shown as long as nothing else is");
  await nodes.settle(() => plan.pending === 0, 20);
  assert.deepEqual(plan.value, { likes: 1 });
  assert.equal(nodes.requests[0].context, undefined);
  leave(client);
});

test("a textarea shows and takes the text, and its caret stays where it was", async () => {
  const client = page();
  nodes.change("docs/plan", [{ op: "splice", path: "/body", at: 0, text: "one 😀 two" }]);
  const plan = client.open("docs/plan");
  const own = new Field();
  globalThis.document.activeElement = own;
  const unbind = plan.text("/body").bind(own);
  assert.equal(own.readOnly, true, "nothing is typed into what is not known");
  await plan.ready;
  await nodes.settle(() => own.value === "one 😀 two" && !own.readOnly);
  own.setSelectionRange(7, 7);
  nodes.change("docs/plan", [{ op: "splice", path: "/body", at: 0, text: "zero " }]);
  await nodes.settle(() => own.value === "zero one 😀 two");
  assert.equal(own.selectionStart, 12);
  own.type("X");
  assert.equal(plan.get("/body"), "zero one 😀 Xtwo");
  // While an input method composes, what others write waits.
  own.dispatchEvent(new Event("compositionstart"));
  own.type("ね", 0);
  nodes.change("docs/plan", [{ op: "splice", path: "/body", at: 0, text: "A" }]);
  await nodes.settle(() => plan.get("/body").startsWith("A"));
  assert.ok(own.value.startsWith("ね"));
  own.dispatchEvent(new Event("compositionend"));
  await nodes.settle(() => plan.pending === 0);
  assert.equal(own.value, nodes.key("docs/plan").value.body);
  assert.ok(own.value.includes("ね") && own.value.includes("A"));
  own.type("\uD800", 0);
  assert.ok(plan.get("/body").startsWith("\uFFFD"), "half a character is none");
  unbind();
  leave(client);
});

test("people hear of each other, and when they leave", async () => {
  const first = page();
  const second = new Client("http://b:1");
  const [ann, ben] = [first.open("docs/plan"), second.open("docs/plan")];
  ann.presence.say({ name: "Ann" });
  await Promise.all([ann.ready, ben.ready]);
  ben.presence.say({ name: "Ben" });
  const names = (one) => [...one.presence.others.values()].map((other) => other.name);
  await nodes.settle(() => `${names(ann)}` === "Ben" && `${names(ben)}` === "Ann");
  ann.close();
  await nodes.settle(() => !names(ben).length);
  leave(first);
  leave(second);
});

test("the examples of docs/BROWSER.md run as they stand", async () => {
  const text = readFileSync(new URL("../../../docs/BROWSER.md", import.meta.url), "utf8");
  const examples = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]);
  assert.ok(examples.length >= 5);
  const client = page();
  const said = [];
  const Async = Object.getPrototypeOf(async () => {}).constructor;
  for (const example of examples) {
    await new Async("atoll", "console", example.replace(/^import .*\n/, ""))(client, { log: (one) => said.push(structuredClone(one)) });
  }
  await nodes.settle(() => [...client.watched.values()].every((one) => !one.pending && one.state === "live"));
  const { value } = nodes.key("docs/plan");
  assert.deepEqual(value, { title: "By the sea", likes: 1 });
  assert.ok(said.some((one) => one.title === "By the sea" && one.likes === 1));
  assert.ok(said.some((one) => `${one}` === "salt,bread"));
  assert.deepEqual(nodes.key("docs/shopping").value, { items: ["salt", "bread"] });
  leave(client);
});
