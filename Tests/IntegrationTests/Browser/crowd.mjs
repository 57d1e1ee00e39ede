// People at /atoll.js against real nodes, one of which is killed while all of them change one document:
//
//     node --experimental-websocket crowd.mjs KEY PID URL...
//
// Exits 0 if in the end all show the same, nothing is lost or doubled, and the last node has it so.

import assert from "node:assert/strict";
import { Client } from "../../../Sources/Edge/Pages/atoll.js";
import { chance } from "./model.mjs";
import { Person, verify } from "./people.mjs";

const [key, victim, ...urls] = process.argv.slice(2);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const random = chance(Date.now());

async function until(what, condition, seconds = 120) {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await pause(10)) if (condition()) return;
  console.error(`not within ${seconds} s: ${what()}`);
  process.exit(1);
}

const people = Array.from({ length: 6 }, (_, n) => {
  const client = new Client(urls[n % urls.length]);
  const page = client.open(key);
  const person = new Person(`person ${n}`, random, (operation) => page.change(operation));
  page.on("refused", ({ operations, problem }) => {
    // Only what somebody else has removed meanwhile cannot be moved.
    if (!operations?.every((one) => one.op === "move")) {
      console.error(`refused: ${JSON.stringify({ operations, problem })}`);
      process.exit(1);
    }
  });
  return Object.assign(person, { client, page });
});

await Promise.all(people.map((one) => one.page.ready));
let unique = 0;
const works = people.map(async (one) => {
  for (let n = 0; n < 150; n++) {
    one.act(one.page.value, unique++);
    // About 50 a second, in bursts; now and then the connection breaks.
    if (random(3)) await pause(random(40));
    if (!random(60)) one.client.connection.socket?.close();
  }
});
await pause(1_500);
if (victim !== "0") process.kill(Number(victim), "SIGKILL");
await Promise.all(works);
const ended = Date.now();
const shown = () => people.map((one) => JSON.stringify(one.page.value));
await until(
  () => people.map((one) => `${one.page.state} ${one.page.pending} ${JSON.stringify(one.page.value)}`).join("\n"),
  () => people.every((one) => !one.page.pending) && new Set(shown()).size === 1);
console.log(`all show the same ${Date.now() - ended} ms after the last change`);
verify(people, people[0].page.value, "the crowd");
const stored = await (await fetch(`${urls.at(-1)}/v1/kv/${key}?r=2`)).json();
assert.deepEqual(stored, people[0].page.value);
process.exit(0);
