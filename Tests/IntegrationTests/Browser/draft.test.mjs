// The parts of /atoll.js that need neither network nor page: changes of sequences and their laws, operations carried
// over to newer documents, and whole documents that several people change at once over a network that loses and delays.

import assert from "node:assert/strict";
import test from "node:test";
import * as atoll from "../../../Sources/Edge/Pages/atoll.js";
import { Cluster, chance, context } from "./model.mjs";
import { Person, verify } from "./people.mjs";

const { applied, carried, compose, covers, difference, moved, performed, places, scalars, splice, steps, told, transform, typedChange } = atoll;

/** A change of a sequence of so many elements, of few different ones. */
function someChange(length, random) {
  const change = [];
  for (let place = 0; place < length; ) {
    const size = Math.min(1 + random(3), length - place);
    const kind = random(3);
    if (kind < 2) place += size;
    change.push(kind === 0 ? { keep: size } : kind === 1 ? { drop: size } : { put: word(random, 3) });
  }
  return [...change, { put: word(random, 2) }].filter((part) => part.keep || part.drop || part.put.length);
}

const word = (random, most) => Array.from({ length: random(most + 1) }, () => "abc"[random(3)]);

test("changes compose, transform and are found again", () => {
  for (let seed = 1; seed <= 5_000; seed++) {
    const random = chance(seed);
    const [old, other] = [word(random, 12), word(random, 12)];
    assert.deepEqual(applied(difference(old, other), old), other);
    const [a, b] = [someChange(old.length, random), someChange(old.length, random)];
    const [byA, byB] = [applied(a, old), applied(b, old)];
    const then = someChange(byA.length, random);
    assert.deepEqual(applied(compose(a, then), old), applied(then, byA));
    assert.deepEqual(applied(transform(b, a), byA), applied(transform(a, b, true), byB));
  }
});

test("a difference is as short as can be, and found in texts of any size", () => {
  assert.deepEqual(difference([..."kitten"], [..."sitting"]).filter((part) => !part.keep).length, 5);
  const [old, now] = ["ab".repeat(20_000), "ba".repeat(40_000) + "c"].map(scalars);
  assert.deepEqual(applied(difference(old, now), old), now);
  const [short, long] = [word(chance(3), 3_000), Array.from({ length: 9_000 }, (_, n) => `${n}`)];
  assert.deepEqual(applied(difference(short, long), short), long);
});

test("a place moves with what is around it", () => {
  const change = difference(scalars("one two"), scalars("one and two"));
  assert.equal(moved(2, change), 2);
  assert.equal(moved(7, change), 11);
  assert.equal(moved(5, [{ keep: 3 }, { drop: 4 }]), 3);
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = chance(seed);
    const old = word(random, 9);
    const change = someChange(old.length, random);
    const size = applied(change, old).length;
    let last = 0;
    for (let place = 0; place <= old.length; place++) {
      const there = moved(place, change);
      assert.ok(there >= last && there <= size, `${JSON.stringify({ old, change, place, there, last })}`);
      last = there;
    }
  }
});

test("typing is one splice, beside the caret", () => {
  assert.deepEqual(typedChange([..."aa"], [..."aaa"], 1), [{ put: ["a"] }]);
  assert.deepEqual(typedChange([..."aa"], [..."aaa"], 3), [{ keep: 2 }, { put: ["a"] }]);
  assert.deepEqual(typedChange([..."sea"], [..."se"], 2), [{ keep: 2 }, { drop: 1 }]);
  assert.deepEqual(typedChange(scalars("😀x"), scalars("😁x"), 1), [{ put: ["😁"] }, { drop: 1 }]);
});

test("operations show what a node will say", () => {
  const cases = [
    [undefined, { op: "set", path: "/a/b", value: 1 }, { a: { b: 1 } }],
    [{ a: 1 }, { op: "set", path: "/text", value: { $text: "x" } }, { a: 1, text: "x" }],
    [{ a: 1 }, { op: "set", path: "", value: { n: { $counter: 2 }, f: [{ $flag: true }] } }, { n: 2, f: [true] }],
    [{ a: 1 }, { op: "remove", path: "/a" }, {}],
    [{ a: 1 }, { op: "remove", path: "/b/c" }, { a: 1 }],
    [{ a: [1, 2] }, { op: "remove", path: "/a/0" }, { a: [2] }],
    [5, { op: "increment", path: "", by: -7 }, -2],
    [{}, { op: "increment", path: "/n", by: 1 }, { n: 1 }],
    [{ n: "x" }, { op: "increment", path: "/n", by: 1 }, { n: "x" }],
    [{}, { op: "add", path: "/s", value: "x" }, { s: ["x"] }],
    [{ s: ["x"] }, { op: "add", path: "/s", value: "x" }, { s: ["x"] }],
    [{ s: ["x", "y"] }, { op: "discard", path: "/s", value: "x" }, { s: ["y"] }],
    [{ l: [1, 2, 3] }, { op: "move", path: "/l", from: 0, to: 2 }, { l: [2, 3, 1] }],
    [{ l: [1] }, { op: "move", path: "/l", from: 4, to: 0 }, { l: [1] }],
    [{ l: [1] }, { op: "insert", path: "/l", at: 1, values: [2, 3] }, { l: [1, 2, 3] }],
    [{ t: "a😀b" }, { op: "text", path: "/t", change: [{ keep: 2 }, { drop: 1 }] }, { t: "a😀" }],
    [{}, { op: "set", path: "/__proto__", value: 1 }, JSON.parse('{"__proto__":1}')],
  ];
  for (const [value, operation, result] of cases) {
    const frozen = structuredClone(value);
    assert.deepEqual(performed(value, operation), result, JSON.stringify(operation));
    assert.deepEqual(value, frozen, "what was shown before is not changed");
  }
  assert.deepEqual(steps("/a~1b/~2c/~01"), ["a/b", "@c", "~1"]);
  assert.throws(() => steps("a"), TypeError);
});

test("what a node tells is done as it stands there", () => {
  const cases = [
    [{ a: 1 }, { op: "set", path: "", value: { $text: "x" } }, { $text: "x" }],
    [{ a: 1 }, { op: "set", path: "/b~1c", value: [{ $flag: true }] }, { a: 1, "b/c": [{ $flag: true }] }],
    [{ a: [1, 2, 3] }, { op: "remove", path: "/a/1" }, { a: [1, 3] }],
    [{ a: { b: 1 } }, { op: "remove", path: "/a/b" }, { a: {} }],
    [[1], { op: "insert", path: "", at: 1, values: [{ $set: [] }, 2] }, [1, { $set: [] }, 2]],
    [[1, 2, 3], { op: "move", path: "", from: 0, to: 2 }, [2, 3, 1]],
    [["a😀b"], { op: "splice", path: "/0", at: 2, text: "😁" }, ["a😀😁b"]],
    [{ t: "a😀b" }, { op: "splice", path: "/t", at: 1, delete: 2 }, { t: "a" }],
    [{ t: "" }, { op: "splice", path: "/t", at: 0, text: "b" }, { t: "b" }],
    [{ t: 1 }, { op: "set", path: "/__proto__", value: 1 }, JSON.parse('{"t":1,"__proto__":1}')],
  ];
  for (const [value, operation, result] of cases) {
    const frozen = structuredClone(value);
    assert.deepEqual(told(value, operation), result, JSON.stringify(operation));
    assert.deepEqual(value, frozen, "what was shown before is not changed");
  }
});

test("a request is confirmed by a document that has seen it", () => {
  const draft = new atoll.Draft();
  draft.confirm({ likes: 0 }, context(new Map([["de~1", 1]])));
  draft.change({ op: "increment", path: "/likes", by: 1 });
  draft.takeOff();
  assert.equal(draft.confirm({ likes: 5 }, context(new Map([["de~1", 2]]))), false);
  const answer = { done: 1, dots: "us~7:3-4", context: context(new Map([["de~1", 9], ["us~7", 4]])) };
  assert.equal(draft.answered({ ...answer, done: 2 }), false, "of another request");
  assert.equal(draft.answered(answer), false);
  assert.deepEqual([draft.waits, draft.shown.likes], [1, 1]);
  assert.equal(draft.confirm({ likes: 6 }, context(new Map([["de~1", 3], ["us~7", 3]]))), false, "of it a part");
  assert.equal(draft.confirm({ likes: 7 }, context(new Map([["de~1", 3], ["us~7", 4]]))), true);
  assert.deepEqual([draft.waits, draft.shown.likes, draft.flight], [0, 7, null]);
  // The document may be there before the answer, and what was done long ago has no dots any more.
  draft.change({ op: "increment", path: "/likes", by: 1 });
  draft.takeOff();
  draft.confirm({ likes: 8 }, context(new Map([["de~1", 9], ["us~7", 4]])));
  assert.equal(draft.answered({ done: 2, results: [], context: answer.context }), true);
  assert.deepEqual([draft.waits, draft.shown.likes], [0, 8]);
  // Whoever loses the node between the two asks again.
  draft.change({ op: "increment", path: "/likes", by: 1 });
  draft.takeOff();
  draft.answered({ done: 3, dots: "us~7:9-9", context: null });
  draft.lost();
  assert.ok(draft.flight.isAgain && !draft.flight.answer);
});

test("elements are found where they have gone", () => {
  assert.deepEqual(places(["a", "b", "c"], ["a", "b", "c"]), [0, 1, 2]);
  assert.deepEqual(places(["a", "b", "c"], ["c", "a", "b"]), [1, 2, 0]);
  assert.deepEqual(places(["a", "b", "c"], ["a", "c"]), [0, -1, 1]);
  assert.deepEqual(places([{ n: 1, t: "a" }, { n: 2, t: "b" }], [{ n: 1, t: "a" }, { n: 3, t: "b" }]), [0, 1]);
  assert.deepEqual(places(["a", "b"], ["a", "c"]), [0, -1], "another one in its place is not the same");
  assert.deepEqual(places([], ["a"]), []);
});

test("operations are carried over to a newer document", () => {
  const old = { list: ["a", "b", "c"], body: "one two" };
  const cases = [
    [{ op: "remove", path: "/list/1" }, { ...old, list: ["x", "a", "b"] }, { op: "remove", path: "/list/2" }],
    [{ op: "remove", path: "/list/1" }, { ...old, list: ["a", "c"] }, null],
    [{ op: "insert", path: "/list", at: 3, values: ["d"] }, { ...old, list: ["a", "b", "c", "x"] }, { op: "insert", path: "/list", at: 3, values: ["d"] }],
    [{ op: "insert", path: "/list", at: 2, values: ["d"] }, { ...old, list: ["x", "a", "c"] }, { op: "insert", path: "/list", at: 2, values: ["d"] }],
    [{ op: "move", path: "/list", from: 0, to: 2 }, { ...old, list: ["a", "x", "b", "c"] }, { op: "move", path: "/list", from: 0, to: 3 }],
    [{ op: "move", path: "/list", from: 0, to: 2 }, { ...old, list: ["b", "c"] }, null],
    [{ op: "set", path: "/list/2/n", value: 1 }, { ...old, list: ["c", "a"] }, { op: "set", path: "/list/0/n", value: 1 }],
    [{ op: "text", path: "/body", change: [{ keep: 4 }, { put: ["X"] }] }, { ...old, body: "zero one two" }, { op: "text", path: "/body", change: [{ keep: 9 }, { put: ["X"] }] }],
    [{ op: "text", path: "/body", change: [{ drop: 3 }] }, { ...old, body: " two" }, null],
    [{ op: "increment", path: "/n", by: 1 }, {}, { op: "increment", path: "/n", by: 1 }],
  ];
  for (const [operation, now, result] of cases) {
    assert.deepEqual(carried([operation], old, now), result ? [result] : [], JSON.stringify(operation));
  }
  // What is written into a text that was just set counts in that one, whatever stands there now.
  const own = [
    { op: "text", path: "/body", change: [{ put: ["!"] }] }, { op: "set", path: "/body", value: { $text: "new" } },
    { op: "text", path: "/body", change: [{ keep: 3 }, { put: [..."er"] }] },
  ];
  const after = carried(own, old, { ...old, body: "another one two" });
  assert.equal(after.reduce(performed, { body: "another one two" }).body, "newer");
});

test("contexts are compared by what they have seen", () => {
  const [less, more] = [context(new Map([["de~1", 3]])), context(new Map([["de~1", 4], ["us~7", 1]]))];
  assert.ok(covers(more, less) && !covers(less, more) && covers(less, null) && !covers(null, less));
  assert.ok(covers(less, "////"), "one that is newer than this module");
  const written = "AgEIZGUtZnJhLTEBxpH1saA0AYCArPjVx4HRAQAAnZV1e1SR+6Y=";
  assert.deepEqual([...atoll.seen(written)], [["de-fra-1~1795401009350", 1n]]);
});

test("a change is cut at its first place", () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = chance(seed);
    const old = word(random, 12);
    const change = compose(someChange(old.length, random), []);
    const [first, rest] = atoll.cut(change);
    assert.deepEqual(compose(first, rest), change);
    assert.ok(first.slice(1).every((part) => !part.keep) && (first.length || !change.length), JSON.stringify(first));
  }
});

test("a request is bounded, and what is cut off follows", () => {
  const draft = new atoll.Draft();
  const cluster = new Cluster();
  draft.confirm(undefined, null);
  const text = scalars("ä😀".repeat(40_000));
  draft.change({ op: "text", path: "/body", change: [{ put: text }] });
  for (let n = 0; n < 1_500; n++) draft.change({ op: "increment", path: "/likes", by: 1 });
  let requests = 0;
  while (draft.takeOff()) {
    requests += 1;
    assert.ok(Buffer.byteLength(JSON.stringify(draft.flight.wire)) < 200 << 10 && draft.flight.wire.length <= 1_000);
    for (const one of draft.flight.wire) assert.ok(Buffer.byteLength(one.text ?? "") <= 64 << 10);
    draft.answered(cluster.request("de", { writer: "w", number: draft.flight.number, ops: draft.flight.wire, context: draft.flight.context }));
    draft.confirm(cluster.now.value, cluster.now.context);
  }
  assert.equal(cluster.now.value.body, text.join(""));
  assert.equal(cluster.now.value.likes, 1_500);
  assert.ok(requests > 3);
});

test("too many changes are refused loudly, and none is lost silently", () => {
  const draft = new atoll.Draft();
  for (let n = 0; n < 10_000; n++) draft.change({ op: "increment", path: "/likes", by: 1 });
  assert.throws(() => draft.change({ op: "increment", path: "/likes", by: 1 }), atoll.QueueFull);
  assert.equal(draft.shown.likes, 10_000);
  assert.equal(draft.takeOff(), false, "nothing is sent before it is known what stands there");
});

test("one operation that is refused takes nothing else with it", () => {
  const draft = new atoll.Draft();
  draft.confirm({ body: "", list: ["a"], likes: 0 }, null);
  draft.change({ op: "increment", path: "/likes", by: 2 });
  draft.change({ op: "text", path: "/body", change: [{ put: ["x"] }] });
  draft.change({ op: "insert", path: "/list", at: 1, values: ["bad", "worse"] });
  draft.change({ op: "move", path: "/list", from: 0, to: 2 });
  draft.takeOff();
  const given = draft.refused({ type: "/problems/not-applicable", status: 422, operation: 2 });
  assert.deepEqual(given.map((one) => one.op), ["insert"]);
  assert.deepEqual(draft.shown, { body: "x", list: ["a"], likes: 2 });
  draft.takeOff();
  assert.equal(draft.flight.number, 2, "another request");
  assert.deepEqual(draft.refused({ type: "/problems/retry-unknown", status: 409 }).length, 3);
  assert.deepEqual(draft.shown, { body: "", list: ["a"], likes: 0 });
});

test("a context that is too old is followed by the same on a fresh document", () => {
  const draft = new atoll.Draft();
  draft.confirm({ body: "one two" }, null);
  draft.change({ op: "text", path: "/body", change: [{ keep: 3 }, { put: ["X"] }] });
  draft.takeOff();
  assert.deepEqual(draft.refused({ type: "/problems/context-too-old", status: 409 }), []);
  assert.equal(draft.takeOff(), false);
  draft.confirm({ body: "zero one two" }, context(new Map([["de~1", 9]])));
  assert.equal(draft.shown.body, "zero oneX two");
  assert.ok(draft.takeOff() && draft.flight.number === 2);
});

/** Plays people at pages over a bad network; returns what went wrong, if anything. */
function play(seed, { actions = 60, people = 3 } = {}) {
  const random = chance(seed);
  const cluster = new Cluster();
  const all = Array.from({ length: people }, (_, n) => {
    const person = new Person(`writer${n}`, random, (operation) => person.draft.change(operation));
    return Object.assign(person, { draft: new atoll.Draft(), inbox: [], isAway: false, isSending: false });
  });
  let unique = 0;
  const send = (person) => {
    const { draft } = person;
    if (person.isAway || person.isSending || draft.flight?.answer || !(draft.flight || draft.takeOff())) return;
    person.isSending = true;
    const { number, wire: ops, context, isAgain } = draft.flight;
    const fate = random(8);
    if (fate === 0) return void person.inbox.push({ lost: true });
    if (fate === 1 && isAgain === false) return void person.inbox.push({ failed: { type: "/problems/quorum-not-reached", status: 503 } });
    let answer;
    try {
      answer = cluster.request(cluster.nodes[random(2)], { writer: person.name, number, ops: structuredClone(ops), context });
    } catch (error) {
      return void person.inbox.push({ failed: error.problem ?? assert.fail(error) });
    }
    person.inbox.push(fate === 2 ? { lost: true } : { answer });
  };
  const hear = (person) => {
    const message = person.inbox.shift();
    const { draft } = person;
    if (!message) {
      // Nodes lag: not always the newest, but never older than what was shown there.
      person.seen = Math.max(person.seen ?? 0, cluster.states.length - 1 - random(4));
      const { value, context } = cluster.states[Math.max(0, person.seen)];
      draft.confirm(value, context);
    } else if (message.answer) draft.answered(message.answer);
    else if (message.lost || message.failed.status === 503) draft.lost();
    else {
      // Only what somebody else has removed meanwhile cannot be moved.
      const given = draft.refused(message.failed);
      assert.deepEqual(given.filter((one) => one.op !== "move"), [], `seed ${seed}: ${JSON.stringify(message.failed)}`);
    }
    if (message) person.isSending = false;
  };
  const turn = (person) => {
    if (random(30) === 0) person.isAway = !person.isAway;
    if (!person.isAway && random(2)) hear(person);
    if (random(40) === 0) {
      // The page is closed and opened again.
      person.draft = new atoll.Draft(structuredClone(person.draft.saved()));
      person.draft.lost();
      [person.inbox, person.isSending] = [[], false];
    }
    send(person);
  };
  for (let n = 0; n < actions * people; n++) {
    const person = all[random(people)];
    if (random(2) && person.draft.isLoaded) person.act(person.draft.shown, unique++);
    turn(all[random(people)]);
  }
  for (let round = 0; round < 400; round++) {
    for (const person of all) {
      person.isAway = false;
      if (person.inbox.length) hear(person);
      else person.draft.confirm(cluster.now.value, cluster.now.context);
      send(person);
    }
  }
  const { value } = cluster.now;
  for (const person of all) {
    assert.equal(person.draft.waits, 0, `seed ${seed}: all was sent`);
    assert.deepEqual(person.draft.shown, value, `seed ${seed}: all show the same`);
  }
  verify(all, value, `seed ${seed}`);
}

test("people who change one document at once lose and double nothing", () => {
  for (let seed = 1; seed <= 300; seed++) play(seed);
});
