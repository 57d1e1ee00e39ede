#!/usr/bin/python3
"""A WebSocket as clients of another make hold it, and as no client should (RFC 6455).

    sockets.py URL1 URL2

Needs Debian's python3-websockets, and a bucket `demo` of documents. Exits 0 if all is as it should be.
"""

import asyncio
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import time
from urllib.parse import urlsplit

import websockets

WRITER, OTHER = os.urandom(16).hex(), os.urandom(16).hex()
KEY = f"demo/{WRITER}"
PATIENCE = 10


def check(condition, what):
    if not condition:
        raise SystemExit(f"not so: {what}")


# ---- By the library ----------------------------------------------------------------------------------------------


class Client:
    def __init__(self, url, writer, origin=None):
        self.url = url.replace("http", "ws") + "/v1/live"
        self.origin = origin
        self.writer = writer
        self.shown = {}

    async def __aenter__(self):
        self.socket = await websockets.connect(
            self.url, subprotocols=["atoll.v1"], max_size=None, origin=self.origin
        )
        check(self.socket.subprotocol == "atoll.v1", "the subprotocol is agreed on")
        await self.say(hello={"writer": self.writer})
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def hear(self, *names, watch=None):
        """The next message that has one of these members, or is an event of such a name; of a watch, if one is given."""
        end = time.monotonic() + PATIENCE
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), end - time.monotonic()))
            if watch is not None and message.get("watch") != watch:
                continue
            if any(name in message or message.get("event") == name for name in names):
                return message

    async def hear_all(self, *names):
        """A message of each name: an answer and the event of the same change come in either order."""
        heard = {}
        while len(heard) < len(names):
            message = await self.hear(*(name for name in names if name not in heard))
            heard[next(name for name in names if name in message or message.get("event") == name)] = message
        return [heard[name] for name in names]

    async def show(self, watch, wanted):
        """Follows a watch of documents that have a text alone, up to the event that shows what is wanted."""
        while True:
            event = await self.hear("document", "change", watch=watch)
            text = event["data"]["value"]["text"] if event["event"] == "document" else self.shown[watch]
            for op in event["data"].get("ops", []):
                check(op["op"] in ("set", "splice") and op["path"] == "/text", op)
                end = op.get("at", 0) + op.get("delete", 0)
                text = op["value"] if op["op"] == "set" else text[:op["at"]] + op.get("text", "") + text[end:]
            self.shown[watch] = text
            if text == wanted:
                return event


async def of_another_site(first):
    """A page that `shared` names has that bucket, and no other."""
    async with Client(first, WRITER, origin="https://example.org") as page:
        await page.say(watch=1, key=f"shared/{WRITER}")
        await page.hear("ready", watch=1)
        await page.say(do=1, number=1, ops=[{"op": "set", "path": "/a", "value": 1}])
        done = await page.hear("done", "failed")
        check(done.get("done") == 1, done)
        for key in (KEY, "shared%2F/x", "plain/x", f"demo/{WRITER}/"):
            await page.say(watch=2, key=key)
            refused = await page.hear("refused", "ready", watch=None)
            check(refused.get("problem", {}).get("type") == "/problems/foreign-origin", refused)
        await page.say(do=2, number=2, ops=[])
        check("problem" in await page.hear("failed"), "there is no such watch")


async def everyday(first, second):
    async with Client(first, WRITER) as ann, Client(second, OTHER) as ben:
        for one in (ann, ben):
            await one.say(watch=4, key=KEY)
            check((await one.hear("ready"))["watch"] == 4, "a watch becomes ready")
        await ben.say(watch=8, key=KEY, changes=True)
        await ben.say(watch=9, key=KEY, changes=True, ids=True)
        await ann.say(do=4, number=1, ops=[{"op": "splice", "path": "/text", "at": 0, "text": "sea"}])
        done, event = await ann.hear_all("done", "document")
        check(done["done"] == 1 and "value" not in done and done["results"][0]["count"] == 3, done)
        event = event["data"]
        check(event["value"] == {"text": "sea"} and event["watch"] == KEY, event)
        events = [await ben.hear("document") for _ in range(3)]
        event, whole, runs = sorted(events, key=lambda event: event["watch"])
        check(event["data"]["value"] == whole["data"]["value"] == {"text": "sea"}, (event, whole))
        check(runs["data"]["value"]["text"]["runs"][0][2] == "sea", runs)
        ben.shown[8] = "sea"
        # Once more, as after an answer that was lost; then a place counted at what Ben has seen.
        await ann.say(do=4, number=1, again=True, ops=[{"op": "splice", "path": "/text", "at": 0, "text": "sea"}])
        check("results" in await ann.hear("done", "failed"), "a request may be tried again")
        await ann.say(do=4, number=2, ops=[{"op": "splice", "path": "/text", "at": 0, "text": "the "}])
        await ann.hear("done")
        await ben.say(do=4, number=1, context=event["data"]["version"], ops=[{"op": "splice", "path": "/text", "at": 3, "text": "s"}])
        text, last = "", None
        while text != "the seas":
            last = await ann.hear("document", watch=4)
            text = last["data"]["value"]["text"]
            check(text in ("sea", "the sea", "the seas"), "places count what was seen, and what was done again counts once")
        # Resumed where it was, through another node: nothing that was seen comes again.
        await ann.say(watch=5, key=KEY, since=event["id"])
        text = ""
        while text != "the seas":
            text = (await ann.hear("document", watch=5))["data"]["value"]["text"]
            check(text != "sea", "what was seen does not come again")
        # A longer text, and what is then told of it.
        await ben.show(8, "the seas")
        longer = "the seas" + " of words" * 100
        await ann.say(do=4, number=3, context=last["id"], ops=[{"op": "splice", "path": "/text", "at": 8, "text": longer[8:]}])
        last = await ann.show(4, longer)
        await ben.show(8, longer)
        await ann.say(do=4, number=4, context=last["id"], ops=[{"op": "splice", "path": "/text", "at": 4, "delete": 4, "text": "oceans"}])
        event = await ben.show(8, "the oceans" + longer[8:])
        check(event["data"].get("ops") == [{"op": "splice", "path": "/text", "at": 4, "delete": 3, "text": "ocean"}], event)
        await ann.say(unwatch=5)
        await ben.say(say=4, data={"name": "Ben"})
        heard = await ann.hear("heard")
        check(heard["data"]["data"] == {"name": "Ben"} and heard["data"]["from"] == OTHER, heard)
        await ann.say(do=4, number=5, ops=[{"op": "increment", "path": "/text"}])
        failed = await ann.hear("failed", "done")
        check(failed["problem"]["type"] in ("/problems/wrong-type", "/problems/not-applicable"), failed)
        await ann.say(watch=6, key="nowhere")
        check((await ann.hear("refused"))["refused"] == 6, "what is no key is refused")
        await ann.say(watch=7, key=KEY + "/")
        check((await ann.hear("ready", "refused", watch=7))["watch"] == 7, "a range becomes ready")
        for number in range(100, 170):
            await ann.say(watch=number, key=f"demo/{number}")
        refused = await ann.hear("refused")
        check(refused["problem"]["type"] == "/problems/too-many-watches", refused)
        await ann.socket.send("{")
        try:
            await ann.hear("nothing")
        except websockets.ConnectionClosed as closed:
            check(closed.code == 1008, f"what is no message ends the connection: {closed}")


# ---- Byte by byte ------------------------------------------------------------------------------------------------


class Raw:
    def __init__(self, url, headers=None, key=None):
        place = urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), PATIENCE)
        key = key if key is not None else base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": place.netloc, "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
                 "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **(headers or {})}
        head = "GET /v1/live HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        self.socket.sendall(head.encode() + b"\r\n")
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer and self.more():
            pass
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ")[1])
        if self.status == 101:
            digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            check(base64.b64encode(digest) in self.head, "the key is answered")

    def more(self):
        try:
            some = self.socket.recv(65536)
        except ConnectionResetError:
            some = b""
        self.buffer += some
        return bool(some)

    def send(self, opcode, payload=b"", final=True, masked=True, reserved=0, length=None):
        length = len(payload) if length is None else length
        head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
        flag = 0x80 if masked else 0
        if length < 126:
            head += bytes([flag | length])
        elif length < 1 << 16:
            head += bytes([flag | 126]) + struct.pack(">H", length)
        else:
            head += bytes([flag | 127]) + struct.pack(">Q", length)
        mask = os.urandom(4) if masked else b""
        body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)) if masked else payload
        try:
            self.socket.sendall(head + mask + body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frame(self):
        """Opcode and payload; None at the end."""
        while True:
            if len(self.buffer) >= 2:
                length, start = self.buffer[1] & 0x7F, 2
                if length == 126 and len(self.buffer) >= 4:
                    length, start = struct.unpack(">H", self.buffer[2:4])[0], 4
                elif length == 127 and len(self.buffer) >= 10:
                    length, start = struct.unpack(">Q", self.buffer[2:10])[0], 10
                check(not self.buffer[1] & 0x80, "a node's frames are not masked")
                if len(self.buffer) >= start + length:
                    opcode, payload = self.buffer[0] & 0x0F, self.buffer[start:start + length]
                    self.buffer = self.buffer[start + length:]
                    return opcode, payload
            if not self.more():
                return None

    def close_code(self):
        while True:
            frame = self.frame()
            if frame is None:
                return None
            if frame[0] == 8:
                code = struct.unpack(">H", frame[1][:2])[0] if frame[1] else 1005
                check(self.frame() is None, "nothing follows a close")
                return code


HELLO = json.dumps({"hello": {"writer": WRITER}}).encode()

BROKEN = [
    ("an unmasked frame", 1002, lambda raw: raw.send(1, HELLO, masked=False)),
    ("a reserved bit", 1002, lambda raw: raw.send(1, HELLO, reserved=4)),
    ("an unknown opcode", 1002, lambda raw: raw.send(3, HELLO)),
    ("an unknown control opcode", 1002, lambda raw: raw.send(11)),
    ("a binary message", 1003, lambda raw: raw.send(2, HELLO)),
    ("a ping with an end to come", 1002, lambda raw: raw.send(9, b"", final=False)),
    ("a long ping", 1002, lambda raw: raw.send(9, b"x" * 126)),
    ("a close of one byte", 1002, lambda raw: raw.send(8, b"x")),
    ("a close with a code that never travels", 1002, lambda raw: raw.send(8, struct.pack(">H", 1005))),
    ("a continuation of nothing", 1002, lambda raw: raw.send(0, HELLO)),
    ("two messages in one another", 1002, lambda raw: (raw.send(1, b"{", final=False), raw.send(1, HELLO))),
    ("text that is not UTF-8", 1007, lambda raw: raw.send(1, b"{\"hello\":\"\xff\"}")),
    ("text that is cut off", 1007, lambda raw: (raw.send(1, b"\xc3", final=False), raw.send(0, b""))),
    ("a frame that is too large", 1009, lambda raw: raw.send(1, b"", length=(256 << 10) + 1)),
    ("a frame of 2^63 bytes", 1009, lambda raw: raw.send(1, b"", length=1 << 63)),
    ("a message that is too large",  1009, lambda raw: [raw.send(1 if n == 0 else 0, b"x" * (64 << 10), final=False) for n in range(5)]),
    ("no hello", 1008, lambda raw: raw.send(1, b"{\"watch\":1,\"key\":\"demo/a\"}")),
    ("a goodbye", 1000, lambda raw: raw.send(8, struct.pack(">H", 1000) + b"bye")),
    ("a goodbye without a code", 1005, lambda raw: raw.send(8)),
]


def hostile(url):
    for what, code, act in BROKEN:
        raw = Raw(url)
        check(raw.status == 101, f"{what}: {raw.head!r}")
        act(raw)
        found = raw.close_code()
        check(found == code, f"{what}: {found}, not {code}")
    raw = Raw(url)
    raw.send(9, b"are you there")
    check(raw.frame() == (10, b"are you there"), "a ping is answered")
    text = json.dumps({"hello": {"writer": WRITER}}).encode()
    for byte in text[:-1]:
        raw.send(1 if byte == text[0] and raw.buffer == b"" and not hasattr(raw, "begun") else 0, bytes([byte]), final=False)
        raw.begun = True
    raw.send(9, b"in between")
    raw.send(0, text[-1:])
    check(raw.frame() == (10, b"in between"), "a ping may come between fragments")
    raw.send(1, json.dumps({"watch": 1, "key": "demo/a"}).encode())
    check(json.loads(raw.frame()[1])["watch"] == 1, "a message may come byte by byte")

    own = urlsplit(url).netloc
    for what, status, headers in [
        ("a page of another site", 403, {"Origin": "http://elsewhere.example"}),
        ("a page without an origin", 403, {"Origin": "null"}),
        ("a page that a bucket names", 101, {"Origin": "https://example.org"}),
        ("one whose name is like it", 403, {"Origin": "https://example.org:8443"}),
        ("two pages", 403, {"Origin": "https://example.org, https://example.com"}),
        ("a page of the node", 101, {"Origin": f"http://{own}"}),
        ("another host", 421, {"Host": "elsewhere.example"}),
        ("another version", 426, {"Sec-WebSocket-Version": "8"}),
        ("no version", 426, {"Sec-WebSocket-Version": None}),
        ("no key", 400, {"Sec-WebSocket-Key": None}),
        ("a short key", 400, {"Sec-WebSocket-Key": "c2hvcnQ="}),
        ("no upgrade of the connection", 400, {"Connection": "keep-alive"}),
    ]:
        raw = Raw(url, headers)
        check(raw.status == status, f"{what}: {raw.head!r}")


if __name__ == "__main__":
    first, second = sys.argv[1:]
    asyncio.run(everyday(first, second))
    asyncio.run(of_another_site(first))
    hostile(first)
