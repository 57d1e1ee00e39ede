#!/usr/bin/python3
"""The social pages with sample values, in a browser, and what their script does with events.

    pages.py TOOLS DIRECTORY

DIRECTORY holds pages as NAME.html, site.css, site.js and policy.txt, and gets pictures of them. Needs what
accessibility.py needs. Exits 0 if all is as it should be.
"""

import http.server
import json
import os
import queue
import struct
import sys
import threading
import time
import urllib.parse
import zlib

from accessibility import Browser, axe_source, check_page

# What must be complained of: too little contrast, no label, no language, a control that no key comes to, a script.
WRONG = b"""<!doctype html><title>x</title><body bgcolor=white><main><h1>Wrong</h1><p><font color="#cccccc">pale</font>
<input name=a><button tabindex=-1>no key</button><img width=2000 height=9 alt=wide><script>1</script></main></body>"""
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}


def picture(width=320, height=180):
    """A PNG of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x30\x80\x90" * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Site:
    """Serves the samples under /p/NAME, and events that a test tells it to send."""

    def __init__(self, directory):
        self.directory = directory
        self.streams = []
        self.opened = queue.Queue()
        self.missing = {"/p/tomorrow"}
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/v1/timelines/live":
                    return site.stream(self, urllib.parse.parse_qs(query))
                body, kind, status = site.find(path)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                if kind.startswith("text/html"):
                    self.send_header("content-security-policy", site.read("policy.txt").decode().strip())
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def read(self, name):
        with open(f"{self.directory}/{name}", "rb") as file:
            return file.read()

    def find(self, path):
        if path == "/-/picture.png":
            return picture(), "image/png", 200
        if path == "/-/atoll.js":
            with open(os.path.dirname(__file__) + "/../../../Sources/Edge/Pages/atoll.js", "rb") as file:
                return file.read(), TYPES[".js"], 200
        if path == "/p/wrong":
            return WRONG, TYPES[".html"], 200
        if path in self.missing:
            return self.read("not-found.html"), TYPES[".html"], 404
        name = "post.html" if path == "/p/tomorrow" else path.split("/")[-1]
        name = name if "." in name else name + ".html"
        if not os.path.exists(f"{self.directory}/{name}"):
            return b"", "text/plain", 404
        return self.read(name), TYPES[os.path.splitext(name)[1]], 503 if name == "cut-off.html" else 200

    def stream(self, handler, query):
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        events = queue.Queue()
        self.streams.append(events)
        self.opened.put(query)
        try:
            while True:
                try:
                    handler.wfile.write(events.get(timeout=0.2))
                except queue.Empty:
                    # A client that is gone is found by writing to it.
                    handler.wfile.write(b":\n\n")
                handler.wfile.flush()
        except OSError:
            self.streams.remove(events)

    def send(self, name, ident, data):
        text = f"event: {name}\nid: {ident}\ndata: {json.dumps(data)}\n\n".encode()
        for events in list(self.streams):
            events.put(text)


def until(what, condition, seconds=15, pause=0.05):
    end = time.monotonic() + seconds
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(pause)


def check(condition, what):
    if not condition:
        raise SystemExit(f"not so: {what}")


def card(ident, title, **more):
    return {"id": ident, "url": f"/ann/{ident}/", "title": title, "author": "ann", "author_url": "/ann/",
            "time": "2026-11-26T05:12:00Z", "time_text": "26 Nov 2026, 05:12 UTC", "edited": False, "summary": "Words",
            "image": None, "image_alt": None, "source": None, **more}


def timelines(browser, site):
    """New posts wait behind a button; edits and deletions show at once; a hidden tab rests and goes on where it was."""
    browser.screen(1200, "light")
    browser.requested()
    browser.open(site.url + "/p/public")
    check(site.opened.get(timeout=15) == {"timeline": ["public"]}, "the timeline is listened to")
    titles = lambda: browser.run("return [...document.querySelectorAll('#cards h2')].map((one) => one.textContent)")
    news = lambda: browser.run("return document.querySelector('.news').textContent")
    before = titles()
    site.send("post", "a1", card("zz1", "First"))
    until("one is announced", lambda: news() == "1 new post")
    hostile = "<img src=x onerror=document.title='x'>"
    site.send("post", "a2", card("zz2", hostile, url="javascript:document.title='x'", summary=hostile))
    site.send("post", "a2", card("zz2", hostile, url="javascript:document.title='x'", summary=hostile))
    until("two are announced", lambda: news() == "2 new posts")
    check(titles() == before, "nothing moves before it is asked for")
    browser.driver.save_screenshot(f"{site.directory}/news.png")
    browser.run("document.querySelector('.news button').click()")
    check(titles()[:3] == [hostile, "First", before[0]], titles())
    check(news() == "", "the button is gone")
    check(browser.run("return document.querySelector('#p-zz2 h2 a').getAttribute('href')") == "#", "no script is linked")
    check(browser.run("return document.activeElement.closest('#p-zz2') !== null"), "the first new post has the focus")
    browser.driver.save_screenshot(f"{site.directory}/taken-in.png")
    site.send("edit", "a3", card("zz1", "First, again", edited=True))
    until("an edit shows", lambda: "First, again" in titles())
    source = {"url": "/-/feeds/h7/", "title": "Harbour office"}
    site.send("edit", "a3", card("zz1", "From elsewhere", source=source))
    until("a feed's post shows as the page has it", lambda: "From elsewhere" in titles())
    by = browser.run("return document.querySelector('#p-zz1 .by').textContent")
    check(by.startswith("ann · Harbour office · "), by)
    site.send("gone", "a4", {"id": "zz2"})
    until("a deleted post goes", lambda: hostile not in titles())

    # Hidden, and shown again.
    browser.driver.switch_to.new_window("tab")
    until("a hidden tab closes its stream", lambda: not site.streams)
    browser.driver.close()
    browser.driver.switch_to.window(browser.driver.window_handles[0])
    check(site.opened.get(timeout=15) == {"timeline": ["public"], "since": ["a4"]}, "it goes on behind the last event")
    site.send("post", "a4", card("zz1", "Changed meanwhile"))
    until("what was changed meanwhile shows", lambda: "Changed meanwhile" in titles())
    site.send("post", "a5", card("zz3", "Third"))
    until("it hears again", lambda: news() == "1 new post")
    check(not browser.complaints(), "nothing is forbidden by the page's own policy")


def permalinks(browser, site):
    """Three requests; a change is told of; a page that is not there yet comes by itself."""
    browser.requested()
    browser.open(site.url + "/p/post")
    site.opened.get(timeout=15)
    asked = [one for one in browser.requested() if "/live?" not in one]
    check(len(asked) == 3, f"three requests: {asked}")
    news = lambda: browser.run("return document.querySelector('.news').textContent")
    site.send("post", "b1", {"id": "x", "rev": 2})
    site.send("edit", "b2", {"id": "x", "rev": 3})
    until("a change is told of", lambda: news().startswith("This post was changed"))
    site.send("gone", "b3", {"id": "x"})
    until("a deletion is told of", lambda: news().startswith("This post is not shown any more"))
    check(browser.run("return document.querySelector('time').textContent") != "", "a time is shown")
    check(browser.run("return !document.querySelector('[data-copy]').hidden"), "the link can be copied")

    browser.open(site.url + "/p/tomorrow")
    check(site.opened.get(timeout=15) == {"post": ["ann/tomorrow"]}, "the place is watched")
    site.missing.clear()
    site.send("post", "c1", {"id": "x", "rev": 1})
    until("the post is shown", lambda: "Low tide" in browser.driver.title)

    # What could not be told is asked for again: here it stays so, and is asked for more than once.
    browser.requested()
    browser.open(site.url + "/p/cut-off")
    asked = []
    until("it asks again", lambda: asked.extend(browser.requested()) or sum("/p/cut-off" in one for one in asked) >= 3)


def main(tools, directory):
    axe = axe_source(tools)
    site = Site(directory)
    browser, plain = Browser(), Browser(script=False)
    names = sorted(name[:-5] for name in os.listdir(directory) if name.endswith(".html"))
    try:
        found = "\n".join(check_page(browser, plain, axe, site.url, "/p/wrong", directory))
        for rule in ["label", "html-has-lang", "color-contrast", "the tab key", "cut off", "Content Security Policy"]:
            check(rule in found, f"a wrong page is found out by {rule}: {found}")
        wrong = [one for name in names for one in check_page(browser, plain, axe, site.url, f"/p/{name}", directory, name)]
        if wrong:
            raise SystemExit("\n".join(wrong))
        while not site.opened.empty():
            site.opened.get()
    finally:
        browser.quit()
        plain.quit()
    browser = Browser()
    try:
        timelines(browser, site)
        permalinks(browser, site)
    finally:
        browser.quit()
    print(f"{len(names)} pages, nothing to complain of")


if __name__ == "__main__":
    main(*sys.argv[1:])
