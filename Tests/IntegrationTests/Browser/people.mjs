// People who change one document at random, and what must stand there in the end. What is typed or added has a mark of
// its own, so that it is found again.

import assert from "node:assert/strict";
import { scalars, splice } from "../../../Sources/Edge/Pages/atoll.js";

export class Person {
  /** `change` takes an operation. */
  constructor(name, random, change) {
    Object.assign(this, { name, random, change });
    Object.assign(this, { typed: [], erased: [], items: [], removed: [], likes: 0 });
  }

  /** Does something to what is shown. `unique`: a number that nobody has given before. */
  act(shown, unique) {
    const { random, change } = this;
    const [body, list] = [scalars(shown?.body ?? ""), shown?.list ?? []];
    const mark = String.fromCodePoint(0x4e00 + unique);
    const kind = random(6);
    if (kind < 3 || (kind === 3 && !body.length)) {
      this.typed.push(mark);
      change({ op: "text", path: "/body", change: splice(random(body.length + 1), 0, [mark]) });
    } else if (kind === 3) {
      const at = random(body.length);
      const gone = body.slice(at, at + 1 + random(3));
      this.erased.push(...gone);
      change({ op: "text", path: "/body", change: splice(at, gone.length) });
    } else if (kind === 4) {
      this.likes += 1;
      change({ op: "increment", path: "/likes", by: 1 });
    } else if (list.length > 1 && random(3)) {
      change({ op: "move", path: "/list", from: random(list.length), to: random(list.length) });
    } else if (list.length && !random(4)) {
      const at = random(list.length);
      this.removed.push(list[at]);
      change({ op: "remove", path: `/list/${at}` });
    } else {
      this.items.push(mark);
      change({ op: "insert", path: "/list", at: random(list.length + 1), values: [mark] });
    }
  }
}

/** Nothing is lost, nothing doubled, nothing that was removed is back. */
export function verify(people, value, what) {
  const all = (name) => people.flatMap((one) => one[name]);
  const left = (made, gone) => {
    const removed = new Set(gone);
    return made.filter((one) => !removed.has(one)).sort();
  };
  const compare = (found, expected, each) => {
    const [there, wanted] = [new Set(found), new Set(expected)];
    const doubled = found.filter((one, place) => found.indexOf(one) !== place);
    const [lost, back] = [expected.filter((one) => !there.has(one)), found.filter((one) => !wanted.has(one))];
    assert.deepEqual({ lost, doubled, back }, { lost: [], doubled: [], back: [] }, `${what}: each ${each} once`);
  };
  compare(scalars(value?.body ?? ""), left(all("typed"), all("erased")), "character");
  compare(value?.list ?? [], left(all("items"), all("removed")), "item");
  assert.equal(value?.likes ?? 0, people.reduce((sum, one) => sum + one.likes, 0), `${what}: each increment once`);
}
