// What the social pages do beyond plain HTML, all of which work without it. Nothing is made of HTML here: what is shown
// goes through text and attributes.

/** An element: `make("a", { href: "/" }, "home")`. What is null or false is left out. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value) element.setAttribute(key, value);
  element.append(...children.filter((child) => child || child === 0));
  return element;
}

/** Paths of this site and http(s) become links, nothing else. */
const safe = (url) => (/^(\/(?![/\\])|https?:)/i.test(url ?? "") ? url : "#");

// ---- Times

const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** Within a week in words, else as the page came with it. */
function showTime(element) {
  element.title ||= element.textContent;
  const seconds = (Date.parse(element.dateTime) - Date.now()) / 1_000;
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  const isNear = Math.abs(seconds) < 7 * 86_400;
  const text = !isNear ? element.title : unit === "second" ? "now" : relative.format(Math.trunc(seconds / length), unit);
  if (element.textContent !== text) element.textContent = text;
}

const showTimes = (root = document) => root.querySelectorAll("time").forEach(showTime);
showTimes();
setInterval(() => document.hidden || showTimes(), 30_000);

// ---- Events

/**
 * Events while somebody may look: a hidden tab closes its stream, and goes on behind the last event when it is shown. A
 * browser opens six connections to a site: of the pages that show the same one has a stream, and tells the others.
 */
function listen(url, heard) {
  const address = new URL(url, location.href);
  let last = address.searchParams.get("since") ?? "";
  address.searchParams.delete("since");
  const { href } = address;
  let [channel, source, timer, pause, leave] = [null, null, 0, 1_000, null];
  const take = ({ name, id, said }) => {
    last = id || last;
    heard(name, said);
  };
  const connect = () => {
    clearTimeout(timer);
    source?.close();
    if (last) address.searchParams.set("since", last);
    source = new EventSource(address);
    for (const name of ["post", "edit", "gone", "anew"]) {
      source.addEventListener(name, ({ data, lastEventId: id }) => {
        pause = 1_000;
        let said;
        try { said = JSON.parse(data); } catch { return; }
        channel?.postMessage({ name, id, said });
        take({ name, id, said });
      });
    }
    // The browser itself connects again after a cut; not after a refusal.
    source.onerror = () => {
      if (source?.readyState !== 2) return;
      timer = setTimeout(connect, pause * (0.5 + Math.random()));
      pause = Math.min(2 * pause, 60_000);
    };
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    channel?.close();
    leave?.();
    source = channel = leave = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    channel = new BroadcastChannel(href);
    // Who comes says from when on it knows nothing: whoever has the stream goes back to there.
    channel.onmessage = ({ data }) => {
      if (data.name) return take(data);
      if (data.since < last) last = data.since;
      if (source) connect();
    };
    channel.postMessage({ since: last });
    const aborter = new AbortController();
    const turn = new Promise((done) => (leave = () => (aborter.abort(), done())));
    const lead = () => (aborter.signal.aborted || connect(), turn);
    const asked = navigator.locks?.request(href, { signal: aborter.signal }, lead) ?? lead();
    asked.catch(() => {});
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  open();
}

// ---- Timelines

/** As card.html has it. */
function card(post) {
  const time = make("time", { datetime: post.time }, post.time_text);
  showTime(time);
  const url = safe(post.url);
  const link = (href, text) => [make("a", { href: safe(href) }, make("bdi", {}, text)), " · "];
  const by = post.author ? link(post.author_url, post.author) : post.source ? [] : ["Without a name · "];
  const image = post.image && make("img", { src: safe(post.image), alt: post.image_alt ?? "", loading: "lazy" });
  return make("li", { class: "card fresh", id: `p-${post.id}` },
    post.title && make("h2", { dir: "auto" },
      make("a", { href: url, rel: post.source && "nofollow noopener" }, post.title)),
    make("p", { class: "by" }, ...by, ...(post.source ? link(post.source.url, post.source.title) : []),
      make("a", { href: url }, time), post.edited && " · edited"),
    post.summary && make("p", { class: "text", dir: "auto" }, post.summary),
    image && make("a", { href: url }, image));
}

function followTimeline(news) {
  const list = document.getElementById("cards");
  const waiting = new Map();
  const shown = (id) => document.getElementById(`p-${id}`);
  const words = (element) => element.textContent.replace(/\s/g, "");
  const button = make("button", { type: "button" });
  button.onclick = () => {
    // Ids begin with the time.
    const posts = [...waiting.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).map(card);
    waiting.clear();
    tell();
    list.prepend(...posts);
    document.querySelector(".empty")?.remove();
    posts[0]?.querySelector("a").focus();
  };
  let isAnew = false;
  const tell = () => {
    const count = waiting.size;
    button.textContent = isAnew ? "Many new posts" : count === 1 ? "1 new post" : `${count} new posts`;
    if (!count && !isAnew) button.remove();
    else if (!button.isConnected) news.append(button);
  };
  listen(news.dataset.live, (name, post) => {
    if (name === "anew") {
      button.onclick = () => location.reload();
      isAnew = true;
    } else if (typeof post?.id !== "string") {
      return;
    } else if (name === "gone") {
      waiting.delete(post.id);
      shown(post.id)?.remove();
    } else if (shown(post.id)) {
      // What was changed while nobody listened comes as a post, once more.
      const now = card(post);
      if (words(now) !== words(shown(post.id))) shown(post.id).replaceWith(now);
    } else if (name === "post" || waiting.has(post.id)) {
      waiting.set(post.id, post);
    }
    tell();
  });
}

/** A post, of which `data-rev` is shown, or a place where none is yet. */
function watchPost(news) {
  const { rev } = news.dataset;
  listen(news.dataset.watch, (name, post) => {
    if (name !== "gone" && `${post?.rev}` === rev) return;
    if (!rev) {
      if (name !== "gone") setTimeout(() => location.reload(), 300);
      return;
    }
    const text = name === "gone" ? "This post is not shown any more" : "This post was changed: show it";
    const button = make("button", { type: "button" }, text);
    button.onclick = () => location.reload();
    news.replaceChildren(button);
  });
}

/** What could not be told is asked for until it can. */
function retry(news) {
  const pause = Math.max(1, Number(news.dataset.retry) || 1) * 1_000;
  const ask = async () => {
    if (!document.hidden) {
      const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
      if (answer && answer.status !== 503 && answer.status !== 429) return location.reload();
    }
    return setTimeout(ask, pause);
  };
  setTimeout(ask, pause);
}

for (const news of document.querySelectorAll(".news")) {
  if (news.dataset.live) followTimeline(news);
  if (news.dataset.watch) watchPost(news);
  if (news.dataset.retry) retry(news);
}

// ---- Copying

for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  const text = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.onclick = async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = text), 2_000);
  };
}

// ---- Drafts

const text = document.querySelector("textarea[data-socket]");
if (text) {
  const { Client } = await import("/-/atoll.js");
  const { socket, key, name = "Somebody" } = text.dataset;
  const draft = new Client(location.origin, socket).open(key);
  const at = (id) => document.getElementById(id);
  const states = { live: "Live: what you write is kept.", offline: "Offline: it is kept here, and sent later." };
  const show = () => (at("state").textContent = states[draft.state] ?? "Connected, but no replica is heard.");
  const showPeople = () => {
    const all = [`${name} (you)`, ...[...draft.presence.others.values()].map((one) => `${one?.name}`.slice(0, 40))];
    at("people").replaceChildren(...all.map((one) => make("li", { class: "tag" }, make("bdi", {}, one))));
  };
  draft.text("/text").bind(text);
  draft.on("state", show);
  draft.presence.on("change", showPeople);
  draft.presence.say({ name });
  const title = at("title");
  title.onchange = () => fetch(title.form.action, { method: "POST", body: new URLSearchParams({ title: title.value }) });
  draft.ready.then(() => {
    document.querySelector("[data-plain]").hidden = true;
    show();
    showPeople();
  });
}
