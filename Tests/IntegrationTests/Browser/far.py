#!/usr/bin/python3
"""From a click in one country to the screen in another: Ann posts again and again, and Ben, who follows her, looks at his
own timeline. Each browser runs in a network of its own.

    far.py SITE1 NETWORK1 SITE2 NETWORK2 ROUNDS

A network is the file of a namespace. Needs what accessibility.py needs but axe-core. Prints how many
seconds each post took to be announced to Ben, and in another line how many to be answered to Ann. Exits 0 if all came.
"""

import ctypes
import multiprocessing
import os
import sys
import time

from pages import check, until
from meeting import Person

CLONE_NEWNET = 0x40000000
# A site takes no more of one address that is not its own.
POSTS_A_MINUTE = 10


def enter(network):
    """Moves this process, and all that it starts, into a network."""
    file = os.open(network, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(file, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), network)
    os.close(file)


def look(site, network, rounds, line):
    """Ben: tells of each post the moment at which it is announced. The clock is the machine's, so Ann's too."""
    enter(network)
    ben = Person("ben", site)
    try:
        ben.register()
        check(line.recv() == "registered", "ann is registered")
        ben.go("/ann/")
        ben.press("Follow")
        ben.sees("Unfollow")
        for number in range(rounds):
            ben.go("/")
            until("ben's page listens", ben.listens)
            line.send("looks")
            until("a post is announced", lambda: ben.all(".news button"), seconds=80, pause=0.002)
            line.send(time.monotonic())
            ben.find(".news button").click()
            ben.sees(f"Round {number} of many")
    finally:
        ben.quit()


def post(site, network, rounds, line):
    enter(network)
    ann = Person("ann", site)
    seen, answered, clicks = [], [], []
    try:
        ann.register()
        line.send("registered")
        for number in range(rounds):
            ann.go("/-/write")
            ann.fill(text="It is said here and read there.", title=f"Round {number} of many")
            check(line.recv() == "looks", "ben looks")
            if number >= POSTS_A_MINUTE:
                until("she may post again", lambda: time.monotonic() > clicks[-POSTS_A_MINUTE] + 61, seconds=62)
            # Found before the time counts.
            button = ann.button("Post")
            clicked = time.monotonic()
            clicks.append(clicked)
            # Returns when the next page has been loaded.
            button.click()
            ann.sees("Posted")
            answered.append(time.monotonic() - clicked)
            seen.append(line.recv() - clicked)
    finally:
        ann.quit()
    return seen, answered


def main(first, here, second, there, rounds):
    ours, theirs = multiprocessing.Pipe()
    ben = multiprocessing.Process(target=look, args=(second, there, int(rounds), theirs))
    ben.start()
    # So that an end of ben is heard of.
    theirs.close()
    all_times = post(first, here, int(rounds), ours)
    ben.join(60)
    check(ben.exitcode == 0, f"ben ended with {ben.exitcode}")
    for times in all_times:
        print(" ".join(f"{seconds:.3f}" for seconds in times))


if __name__ == "__main__":
    main(*sys.argv[1:])
