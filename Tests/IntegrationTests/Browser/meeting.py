#!/usr/bin/python3
"""Two people at the sites of two nodes: they register, write, follow, see each other's posts, edits and deletions live, and
write one draft together; somebody without a name, and somebody without scripts.

    meeting.py URL1 URL2 DIRECTORY

Needs what accessibility.py needs but axe-core. Leaves pictures in DIRECTORY. Exits 0 if all is as it should be.
"""

import json
import os
import sys
import time

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from accessibility import Browser
from pages import check, until

# What a post may take to be seen by somebody else who looks.
PROMPT = 2.0
PASSWORD = "a sentence of their own, "


class Person(Browser):
    def __init__(self, name, site, script=True):
        super().__init__(script)
        self.name, self.site = name, site
        self.screen(1100, "light")

    def go(self, path):
        self.driver.get_log("performance")
        self.open(self.site + path)

    def listens(self):
        """Whether the page that was gone to has begun to hear events."""
        messages = [json.loads(one["message"])["message"] for one in self.driver.get_log("performance")]
        return any(one["method"] == "Network.responseReceived" and "/timelines/live?" in one["params"]["response"]["url"]
                   for one in messages)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def fill(self, **fields):
        for name, text in fields.items():
            until(f"{self.name} sees the field {name}", lambda: self.all(f"main [name={name}]"))
            field = self.find(f"main [name={name}]")
            field.clear()
            field.send_keys(text)

    def press(self, words):
        """The button or link of these words."""
        until(f"{self.name} sees {words} to press", lambda: self.pressed(words))

    def pressed(self, words):
        try:
            found = self.button(words)
            if found:
                self.driver.get_log("performance")
                found.click()
            return found
        except WebDriverException:
            # The page has just made place for another.
            return None

    def button(self, words):
        """The button or link of these words, if there is one."""
        buttons = self.all("main button") + self.all("main a") + self.all("header button")
        return next((one for one in buttons if one.text.strip() == words and one.is_displayed()), None)

    def text(self):
        try:
            return self.find("body").text
        except WebDriverException:
            return ""

    def sees(self, words, seconds=15):
        until(f"{self.name} sees {words}", lambda: words in self.text(), seconds)

    def register(self):
        self.go("/-/register")
        end = time.monotonic() + 60
        while True:
            self.fill(name=self.name, password=PASSWORD + self.name)
            self.run("window.isOld = true")
            self.press("Register")
            until("the form is answered", lambda: not self.run("return window.isOld") and self.text())
            if "Log out" in self.text():
                return
            # Where it is not known whether it was done, whoever wants it tries again, and it is done once.
            check(time.monotonic() < end, f"{self.name} is registered: {self.text()[:500]}")

    def log_in(self):
        self.go("/-/login")
        self.fill(name=self.name, password=PASSWORD + self.name)
        self.press("Log in")
        self.sees("Log out")

    def write(self, text, **fields):
        """Posts it; the address."""
        self.go("/-/write")
        self.fill(text=text, **fields)
        self.press("Post")
        self.sees("Posted")
        return self.find("#link").get_attribute("value")

    def shot(self, name):
        self.driver.save_screenshot(f"{name}.png")


def path_of(address):
    return "/" + address.split("/", 3)[3]


def seen(person, words, what):
    """How long it takes until it is announced and, asked for, shown."""
    start = time.monotonic()
    until(f"{what} is announced", lambda: person.all(".news button"))
    took = time.monotonic() - start
    person.find(".news button").click()
    person.sees(words)
    check(took < PROMPT, f"{what} took {took:.1f} s")
    return took


def posts(ann, ben, directory):
    """A post, its edit and its end, as a follower and a reader see them."""
    ben.go("/ann/")
    ben.press("Follow")
    ben.sees("Unfollow")
    ben.go("/")
    ben.sees("Nothing")
    until("ben's page listens", ben.listens)
    address = ann.write("It *rains*, and the **sea** is grey.", title="Weather report")
    took = seen(ben, "Weather report", "a post")
    ben.shot(f"{directory}/inbox")

    ben.press("Weather report")
    ben.sees("It rains, and the sea is grey.")
    check(ben.all("article strong"), "Markdown is shown")
    until("ben's page listens", ben.listens)
    ann.go(path_of(address))
    ann.press("Edit")
    ann.fill(text="The sun is *out*.")
    ann.press("Save")
    ann.sees("The sun is out.")
    until("the change is told of", lambda: ben.all(".news button"))
    ben.find(".news button").click()
    ben.sees("The sun is out.")
    ann.press("Delete")
    ann.press("Delete")
    ben.sees("This post is not shown any more")
    ben.go(path_of(address))
    ben.sees("This was deleted")
    return took


def anonymous(guest, ann, directory):
    """Without a name: a link that one may choose, a secret to change it by, a page that comes by itself."""
    ann.go("/blue-umbrella/")
    ann.sees("There is nothing here")
    until("ann's page listens", ann.listens)
    address = guest.write("A blue umbrella was found.", slug="blue-umbrella")
    check(address.endswith("/blue-umbrella/"), address)
    secret = guest.find("#secret").get_attribute("value")
    ann.sees("A blue umbrella was found.")
    guest.shot(f"{directory}/written")
    guest.go("/-/write")
    guest.fill(text="Another one.", slug="blue-umbrella")
    guest.press("Post")
    guest.sees("taken")
    check(guest.find("#text").get_attribute("value") == "Another one.", "the form keeps what was typed")
    guest.go("/blue-umbrella/")
    guest.press("Edit")
    guest.fill(owner="not the secret, but as long as one", text="It was fetched.")
    guest.press("Save")
    until("a wrong secret is told of", lambda: guest.all("[role=alert]"))
    guest.fill(owner=secret, text="It was fetched.")
    guest.press("Save")
    guest.sees("It was fetched.")


def drafts(ann, ben, directory):
    """One text in two browsers."""
    ann.go("/-/write")
    ann.fill(title="The regatta", text="On Sunday:")
    ann.press("Write it together")
    ann.sees("Live:")
    invitation = ann.find("#invitation").get_attribute("value")
    ben.go(path_of(invitation))
    ben.sees("Live:")
    value = lambda person: person.find("#text").get_attribute("value")
    ann.find("#text").send_keys(Keys.END, " boats")
    until("ben sees what ann writes", lambda: value(ben) == "On Sunday: boats")
    ben.find("#text").send_keys(Keys.END, ", flags")
    until("ann sees what ben writes", lambda: value(ann) == "On Sunday: boats, flags")
    until("each sees the other's name", lambda: "ben" in ann.find("#people").text and "ann" in ben.find("#people").text)
    ann.shot(f"{directory}/draft")
    ann.press("Post it")
    ann.sees("On Sunday: boats, flags")


def plainly(plain):
    """No script: the same forms, the same pages."""
    plain.log_in()
    address = plain.write("Two lines,\n\nno script.", title="By hand")
    plain.go(path_of(address))
    plain.sees("no script.")
    plain.go("/")
    plain.sees("Following")
    plain.press("Log out")
    plain.sees("Log in")


def main(first, second, directory):
    ann, ben, guest = Person("ann", first), Person("ben", second), Person("guest", second)
    plain = Person("ben", first, script=False)
    people = [ann, ben, guest, plain]
    started = time.monotonic()
    step = lambda text: print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)
    try:
        ann.register()
        ben.register()
        step("registered")
        took = posts(ann, ben, directory)
        step(f"a post was seen after {took:.2f} s, its edit and its end live")
        anonymous(guest, ann, directory)
        step("posted and changed without a name")
        drafts(ann, ben, directory)
        step("written together")
        plainly(plain)
        step("all without a script")
        for person in people:
            check(not person.complaints(), person.complaints())
    except BaseException:
        for place, person in enumerate(people):
            person.shot(f"{directory}/failed-{place}-{person.name}")
            print(f"{person.name} at {person.driver.current_url}: {person.text()[:500]}", flush=True)
        raise
    finally:
        for person in people:
            person.quit()


if __name__ == "__main__":
    os.makedirs(sys.argv[3], exist_ok=True)
    main(*sys.argv[1:])
