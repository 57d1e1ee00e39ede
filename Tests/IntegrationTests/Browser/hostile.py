#!/usr/bin/python3
"""Somebody who means harm writes at a site of real nodes: nothing of it runs in whoever looks. And many windows that show
one timeline, one that sleeps, and one whose network goes: all hear of what is posted.

    hostile.py URL1 URL2

Needs what accessibility.py needs but axe-core. Exits 0 if all is as it should be.
"""

import json
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request

from selenium.common.exceptions import NoAlertPresentException, WebDriverException

from accessibility import Browser
from pages import check, until

RUN = "window.hacked=1"
CORPUS = [attack.replace("RUN", RUN) for attack in [
    "<script>RUN</script>", "\"><img src=x onerror=RUN>", "' onmouseover='RUN' autofocus onfocus='RUN", "<svg/onload=RUN>",
    "</textarea><svg onload=RUN>", "</title><script>RUN</script>", "--><script>RUN</script>", "{{{html}}}", "{{#html}}",
    "&lt;script&gt;RUN&lt;/script&gt;", "\"\u0301 onfocus=RUN autofocus x=\"", "<\u0338img src=x onerror=RUN>",
    "[x](javascript:RUN)", "[x](java&Tab;script:RUN)", "[x](<\u0001javascript:RUN>)", "<javascript:RUN>",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)", "![x](data:image/svg+xml,<svg/onload=RUN>)",
    "[x]: javascript:RUN\n\n[x]", "[\"><img src=x onerror=RUN>](/a)", "```\"><script>RUN</script>\nx\n```",
    "[x](https://a.example/\"onmouseover=\"RUN)", "<!--><script>RUN</script>-->", "<![CDATA[<script>RUN</script>]]>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>", "<base href=//evil.example/><meta http-equiv=refresh content=0>",
    "<math><mtext><table><mglyph><style><img src=x onerror=RUN>", "<a href=javascript:RUN>x</a><form action=javascript:RUN>",
    "<link rel=stylesheet href=//evil.example/x.css><style>*{background:url(//evil.example/)}</style>",
    "\u2028<script>RUN</script>\u202e", "</script><script>RUN</script>", "<details open ontoggle=RUN>x</details>",
]]


class Program:
    """Somebody at a site without a browser."""

    def __init__(self, site, name=None):
        self.site, self.token = site, None
        if name:
            who = {"name": name, "password": f"a long sentence of {name}"}
            owner = secrets.token_urlsafe(24)
            until(f"{name} is registered", lambda: self.call("POST", "/v1/users", who, owner=owner)[0] in (200, 201), 60)
            self.token = self.call("POST", "/v1/sessions", who)[1]["token"]

    def call(self, method, path, body, kind="application/json", owner=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body.encode()
        request = urllib.request.Request(self.site + path, data, {"content-type": kind}, method=method)
        if owner:
            request.add_header("atoll-owner", owner)
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            return error.code, {}

    def post(self, text, kind="text/plain", **query):
        status, posted = self.call("POST", "/v1/posts?" + urllib.parse.urlencode(query), text, kind)
        check(status == 201, f"{query} is posted: {status}")
        return posted["path"]


class Victim(Browser):
    def unharmed(self, what):
        """Nothing has run, and the page's policy had nothing to forbid."""
        try:
            raise SystemExit(f"{what}: a dialog says {self.driver.switch_to.alert.text}")
        except NoAlertPresentException:
            pass
        check(self.run("return window.hacked === undefined"), f"nothing has run: {what}")
        found = [one for one in self.complaints() if "evil.example" in one or "Content Security Policy" in one]
        check(not found, f"{what}: {found}")

    def news(self):
        try:
            return self.run("return document.querySelector('.news').textContent")
        except WebDriverException:
            return None

    def window(self, url):
        self.driver.switch_to.new_window("window")
        self.open(url)
        return self.driver.current_window_handle

    def listens(self):
        """Whether all that this browser shows has what it needs to hear: this page sends an event to itself."""
        return self.run("return document.readyState === 'complete' && !document.hidden")


def harm(site, other):
    """Titles, texts, names and profiles that are attacks, on every page that shows them, and as they come in live."""
    mallory = Program(site, "mallory")
    victim = Victim()
    try:
        # What must be found.
        victim.open(f"data:text/html,<script>{RUN}</script>")
        check(victim.run("return window.hacked === 1"), "a script that runs is found")
        victim.open(other + "/-/public")
        until("the page is there", victim.listens)
        paths = []
        for number, attack in enumerate(CORPUS):
            kind = ["text/markdown", "text/plain", "text/html", "text/markdown"][number % 4]
            paths.append(mallory.post(attack, kind, title=f"{attack} {number}"))
        paths.append(mallory.post(f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'/>", "image/svg+xml", title="svg"))
        paths.append(mallory.post("\n\n".join(CORPUS), "text/markdown", title="all of them"))
        until("they are announced", lambda: victim.news() not in (None, ""))
        until("all are", lambda: len(CORPUS) > 30 and victim.news().startswith(f"{len(paths)} "))
        victim.run("document.querySelector('.news button').click()")
        victim.unharmed("cards that came in")
        check(victim.run("return document.querySelectorAll('#cards li').length") >= len(paths), "all are shown")
        for number, attack in enumerate(CORPUS):
            mallory.call("PUT", "/v1/profile", {"display": attack[:60], "bio": attack})
            if number % 8 == 0:
                victim.open(site + "/mallory/")
                victim.unharmed(f"the profile {attack}")
        for path in paths:
            for address in [f"/{urllib.parse.quote(path)}/", f"/{urllib.parse.quote(path)}/raw"]:
                victim.open(other + address)
                victim.unharmed(address)
        for address in ["/-/public", "/mallory/", f"/-/revisions?path={urllib.parse.quote(paths[0])}"]:
            victim.open(other + address)
            victim.run("document.querySelectorAll('a').forEach((one) => one.focus())")
            victim.unharmed(address)
        for attack in CORPUS:
            for address in ["/-/login?next=", "/-/write?title=", "/-/nothing?", "/-/report?path="]:
                victim.open(site + address + urllib.parse.quote(attack))
                victim.unharmed(address + attack)
    finally:
        victim.quit()


def windows(site, other):
    """Eight windows of one browser, which opens six connections to a site, show one timeline."""
    ben = Program(other, "benjamin")
    browser = Victim()
    try:
        all_windows = [browser.window(site + "/-/public") for _ in range(8)]
        for window in all_windows:
            browser.driver.switch_to.window(window)
            until("it is seen, and whole", browser.listens)
        ben.post("To all windows.", title="Eight windows")

        def heard(window):
            browser.driver.switch_to.window(window)
            return browser.news() == "1 new post"

        for place, window in enumerate(all_windows):
            until(f"window {place} hears of it", lambda: heard(window))
        # Whoever had the stream goes, and another page takes it.
        for window in all_windows[:3]:
            browser.driver.switch_to.window(window)
            browser.driver.close()
        all_windows = all_windows[3:]
        ben.post("To those that are left.", title="Five windows")
        for window in all_windows:
            browser.driver.switch_to.window(window)
            until("it hears of the next one too", lambda: browser.news() == "2 new posts")

        # A tab that is hidden, while somebody posts, and shown again.
        browser.driver.switch_to.window(all_windows[0])
        browser.driver.switch_to.new_window("tab")
        front = browser.driver.current_window_handle
        ben.post("To a hidden tab.", title="Hidden")
        browser.driver.switch_to.window(all_windows[1])
        until("the others hear", lambda: browser.news() == "3 new posts")
        browser.driver.switch_to.window(front)
        browser.driver.close()
        browser.driver.switch_to.window(all_windows[0])
        until("nothing is missing in a tab that was hidden", lambda: browser.news() == "3 new posts")
        for window in all_windows[1:]:
            browser.driver.switch_to.window(window)
            browser.driver.close()
        browser.driver.switch_to.window(all_windows[0])

        # The network goes, as when a computer sleeps, and comes back.
        browser.driver.execute_cdp_cmd("Network.enable", {})
        condition = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **condition})
        ben.post("To somebody who sleeps.", title="Asleep")
        browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **condition})
        until("nothing is missing after a sleep", lambda: browser.news() == "4 new posts", 30)
        check(not browser.complaints(), browser.complaints())
    finally:
        browser.quit()


if __name__ == "__main__":
    harm(*sys.argv[1:])
    windows(*sys.argv[1:])
    print(f"{len(CORPUS)} attacks, none of which ran; eight windows, all of which heard")
