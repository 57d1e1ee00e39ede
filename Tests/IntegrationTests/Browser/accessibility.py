#!/usr/bin/python3
"""Pages of a site as people with other eyes and hands meet them: axe-core's rules (WCAG 2.2 AA), light and dark, at 360
pixels, without a script, by keys alone.

    accessibility.py TOOLS URL DIRECTORY PATH...

TOOLS is where scripts/tools.sh has installed axe-core. Needs Debian's chromium, chromium-driver and python3-selenium.
Leaves pictures in DIRECTORY. Exits 0 if there is nothing to complain of.
"""

import glob
import json
import re
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = [(1200, "light"), (360, "dark")]


class Browser:
    def __init__(self, script=True):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(argument)
        if not script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def screen(self, width, scheme, height=800):
        command = self.driver.execute_cdp_cmd
        command("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})
        command("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def open(self, url):
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def picture(self, path, width, scheme):
        self.screen(width, scheme, min(4000, self.run("return document.documentElement.scrollHeight")))
        self.driver.save_screenshot(path)

    def complaints(self):
        """What the browser reports of the page: scripts that fail, and what its policy forbids."""
        return [one["message"] for one in self.driver.get_log("browser")
                if one["level"] == "SEVERE" and "Failed to load resource" not in one["message"]
                and "WebSocket connection" not in one["message"]]

    def requested(self):
        """The addresses that were asked for since this was last asked."""
        messages = [json.loads(one["message"])["message"] for one in self.driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in messages
                if one["method"] == "Network.requestWillBeSent" and not one["params"]["request"]["url"].startswith("data:")]

    def quit(self):
        self.driver.quit()


def axe_source(tools):
    found = glob.glob(f"{tools}/../lib/python3*/site-packages/axe_playwright_python/axe.min.js")
    if not found:
        raise SystemExit(f"axe-core is not in {tools}: run scripts/tools.sh")
    with open(found[0], encoding="utf-8") as file:
        return file.read()


def violations(browser, axe):
    browser.run(axe)
    found = browser.driver.execute_async_script("""
        const [rules, done] = arguments;
        axe.run(document, { runOnly: { type: "tag", values: rules } }).then((found) => done(found.violations.map((one) =>
          `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`)))""", RULES)
    return found


def unreachable(browser):
    """Controls that are seen and that the tab key does not come to, or that show nothing when it does."""
    wanted = browser.run("""
        const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")];
        window.reached = new Set();
        window.unmarked = [];
        document.addEventListener("focusin", ({ target }) => {
          window.reached.add(target);
          const style = getComputedStyle(target);
          if (style.outlineStyle === "none" || style.outlineWidth === "0px") window.unmarked.push(target.outerHTML.slice(0, 120));
        });
        window.wanted = all.filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled);
        document.body.focus();
        return window.wanted.length""")
    for _ in range(min(wanted + 12, 200)):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
    return browser.run("""
        // Of radio buttons one is come to, the others by arrows.
        const isOther = (one) => one.type === "radio" && !one.checked;
        return [...window.wanted.filter((one) => !window.reached.has(one) && !isOther(one)).map((one) => one.outerHTML.slice(0, 120)),
          ...window.unmarked]""")


def check_page(browser, plain, axe, url, path, directory, name=None):
    """What is wrong with one page, as texts."""
    wrong = []
    name = name or re.sub(r"\W+", "-", path).strip("-") or "first"
    for width, scheme in SCREENS:
        browser.screen(width, scheme)
        browser.open(url + path)
        wrong += [f"{path} at {width}, {scheme}: {one}" for one in violations(browser, axe)]
        if browser.run("return document.documentElement.scrollWidth") > width:
            wrong.append(f"{path} at {width}: something is cut off")
        browser.picture(f"{directory}/{name}-{width}-{scheme}.png", width, scheme)
    wrong += [f"{path}: the tab key: {one}" for one in unreachable(browser)]
    wrong += [f"{path}: {one}" for one in browser.complaints()]
    # Without a script the same stands there.
    plain.screen(1200, "light")
    plain.open(url + path)
    if plain.driver.title != browser.driver.title:
        wrong.append(f"{path}: without a script it is another page")
    if any(one.is_displayed() for one in plain.driver.find_elements("css selector", "[data-copy]")):
        wrong.append(f"{path}: scripts run where none should")
    for button in plain.driver.find_elements("css selector", "form button"):
        if not button.is_displayed():
            wrong.append(f"{path}: without a script there is no {button.get_attribute('outerHTML')}")
    return wrong


def main(tools, url, directory, *paths):
    axe = axe_source(tools)
    browser, plain = Browser(), Browser(script=False)
    try:
        wrong = [one for path in paths for one in check_page(browser, plain, axe, url, path, directory)]
    finally:
        browser.quit()
        plain.quit()
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"{len(paths)} pages, nothing to complain of")


if __name__ == "__main__":
    main(*sys.argv[1:])
