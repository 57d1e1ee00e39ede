#!/usr/bin/python3
"""Two browsers at /demo of two nodes, who write at once; one node is killed, one browser is cut off and comes back.

    browsers.py URL1 URL2 URL3 PID1 DIRECTORY

Needs Debian's chromium, chromium-driver and python3-selenium. Leaves pictures in DIRECTORY. Exits 0 if in the end both
show the same, every word stands once and whole, and a third node says so too.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WORDS = 60


class Browser:
    def __init__(self, name, url, directory, size=(1100, 900), dark=False):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         f"--window-size={size[0]},{size[1]}", f"--user-data-dir={directory}/{name}"]:
            options.add_argument(argument)
        if dark:
            options.add_argument("--force-dark-mode")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.name = name
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        if size[0] < 500:
            # A window is never as small as a telephone.
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": size[0], "height": size[1], "deviceScaleFactor": 2, "mobile": True})
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self):
        return self.run("return document.getElementById('text').value")

    def state(self):
        return self.run("return document.getElementById('state').textContent")

    def items(self):
        return self.run("return [...document.querySelectorAll('#list li span')].map(one => one.textContent)")

    def count(self):
        return int(self.run("return document.getElementById('count').value"))

    def people(self):
        return self.run("return document.querySelectorAll('#people li').length")

    def caret(self, after):
        """Behind the first place where this stands."""
        self.run("""const text = document.getElementById("text"); text.focus();
            const at = text.value.indexOf(arguments[0]) + arguments[0].length; text.setSelectionRange(at, at)""", after)

    def type(self, words, pause=0.0):
        field = self.driver.switch_to.active_element
        for word in words:
            for letter in word:
                field.send_keys(letter)
                if pause:
                    time.sleep(pause)

    def add(self, words):
        self.driver.find_element(By.ID, "item").send_keys(words, Keys.ENTER)

    def press(self, ident, times=1):
        for _ in range(times):
            self.driver.find_element(By.ID, ident).click()

    def offline(self, is_offline):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    def picture(self, path):
        self.driver.save_screenshot(path)

    def complaints(self):
        """What the page's own scripts have to complain of; that a node is gone is expected."""
        expected = ["WebSocket connection to", "ERR_", "Failed to load resource"]
        return [one["message"] for one in self.driver.get_log("browser")
                if one["level"] == "SEVERE" and not any(word in one["message"] for word in expected)]


def until(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def together(*works):
    """At the same time; what fails in one fails here."""
    failures = []

    def carried(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001: told below
            failures.append(error)

    threads = [threading.Thread(target=carried, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def words_of(name, first, count=WORDS):
    return [f"{name}{number} " for number in range(first, first + count)]


def main(first, second, third, process, directory):
    ann = Browser("ann", f"{first}/demo#plan", directory)
    ben = Browser("ben", f"{second}/demo#plan", directory, size=(360, 760), dark=True)
    started = time.monotonic()
    step = lambda text: print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)
    try:
        until("both are live", lambda: ann.state() == "live" and ben.state() == "live")
        step("both are live")
        ann.caret("")
        ann.type(["Ann: \nBen: \n"])
        until("the beginning is everywhere", lambda: ben.text() == "Ann: \nBen: \n")
        ann.caret("Ann: ")
        ben.caret("Ben: ")

        together(lambda: ann.type(words_of("a", 0)), lambda: ben.type(words_of("b", 0)))
        step("both have written at once")
        until("both show the same", lambda: ann.text() == ben.text() and "a59" in ann.text() and "b59" in ann.text())
        step("both show the same")

        for words in ["bread", "salt", "water"]:
            ann.add(words)
        until("the list is there", lambda: ben.items() == ["bread", "salt", "water"])
        together(lambda: ann.press("more", 20), lambda: ben.press("more", 15))
        until("35 in both", lambda: ann.count() == 35 and ben.count() == 35)
        ann.picture(f"{directory}/ann.png")
        ben.picture(f"{directory}/ben.png")

        # The same by the browser's own stream of events, which goes on where it was.
        seen = ben.driver.execute_async_script("""
            const done = arguments[0], seen = [];
            const events = new EventSource("/v1/live/demo/plan");
            events.addEventListener("document", (event) => {
              seen.push(JSON.parse(event.data).value.count, event.lastEventId !== "");
              if (seen.length > 2) { events.close(); done(seen); } else { document.getElementById("more").click(); }
            })""")
        assert seen == [35, True, 36, True], seen
        ben.press("less")
        until("35 in both", lambda: ann.count() == 35 and ben.count() == 35)

        # Ann's node dies while both write.
        ann.caret("a59 ")
        ben.caret("b59 ")
        killer = threading.Timer(0.5, os.kill, (int(process), signal.SIGKILL))
        killer.start()
        together(lambda: ann.type(words_of("a", 60)), lambda: ben.type(words_of("b", 60)))
        killer.join()
        step("a node was killed while both wrote")
        until("both are live", lambda: ann.state() == "live" and ben.state() == "live", 40)
        until("both show the same", lambda: ann.text() == ben.text() and "a119 " in ben.text() and "b119 " in ann.text(), 40)
        step("both show the same, Ann through another node")

        # Ben's network goes, and both go on; Ben's page is even closed and opened again.
        ben.offline(True)
        until("Ben is offline", lambda: ben.state().startswith("offline"))
        ann.caret("a119 ")
        ben.caret("b119 ")
        together(lambda: ann.type(words_of("a", 120)), lambda: ben.type(words_of("b", 120)))
        ben.press("more", 5)
        ann.press("more", 5)
        ben.add("olives")
        ann.add("figs")
        ben.picture(f"{directory}/ben-offline.png")
        step(f"Ben wrote offline: {ben.state()}")
        ben.offline(False)
        until("both are live", lambda: ann.state() == "live" and ben.state() == "live", 40)
        until("both show the same", lambda: ann.text() == ben.text() and "a179 " in ben.text() and "b179 " in ann.text(), 40)
        until("45 in both", lambda: ann.count() == 45 and ben.count() == 45)
        until("one list", lambda: ann.items() == ben.items() and len(ann.items()) == 5)
        step("both show the same")

        text = ann.text()
        for name in "ab":
            whole = "".join(words_of(name, 0, 3 * WORDS))
            assert text.count(whole) == 1, f"{name}'s words are not whole: {text}"
        assert len(text) == len("Ann: \nBen: \n" + "".join(words_of("a", 0, 180) + words_of("b", 0, 180))), text
        with urllib.request.urlopen(f"{third}/v1/kv/demo/plan?r=2") as answer:
            stored = json.load(answer)
        assert stored == {"text": text, "list": ann.items(), "count": 45}, stored
        step("every word stands once and whole, and is stored so")
        for browser in (ann, ben):
            assert not browser.complaints(), browser.complaints()
            assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        ann.picture(f"{directory}/ann-end.png")
        ben.picture(f"{directory}/ben-end.png")
    finally:
        for browser in (ann, ben):
            browser.driver.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
