"""A client that verifies published events, written from docs/protocol.md and docs/format.md alone. Needs nothing but Python.

    verify_events.py follow URL   reads the server-sent events at URL, with the session token of CHOIR_TOKEN, and prints
                                  a line of JSON for each verified event: its seq, its hash, its texts
    verify_events.py check        reads lines from standard input, each a JSON array of envelopes of one topic, and prints
                                  a line for each: the fault that it found, or "none"

CHOIR_AUDIENCE is the origin of the server, which signatures name. It cannot see whether an agent was revoked: that is in the
topic of its owner.
"""

import base64
import hashlib
import json
import math
import os
import sys
import urllib.request

import signatures
from state_hash import hash_state


class Fault(Exception):
    """What does not fit."""


# -- Canonical JSON (RFC 8785) ----------------------------------------------


def encode_number(value):
    """As ECMAScript prints a double."""
    if isinstance(value, int) and abs(value) < 2**53:
        return str(value)
    value = float(value)
    if not math.isfinite(value):
        raise Fault("a number is not finite")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # The shortest digits that give this double, without zeros at the end: 0.digits x 10^point.
    mantissa, _, exponent = ("%r" % abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return "%s%s%se%+d" % (sign, digits[0], tail, point - 1)


def canonical(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return encode_number(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    # Sorted by UTF-16 units.
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"


# -- Hashes and seals ---------------------------------------------------------


def digest(text):
    """SHA-256 of UTF-8, as base64url without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii").rstrip("=")


def seals_in(value):
    if isinstance(value, dict):
        if value.keys() == {"c", "n"}:
            yield value
        else:
            for field in value.values():
                yield from seals_in(field)
    elif isinstance(value, list):
        for item in value:
            yield from seals_in(item)


def verify_openings(value, openings, where):
    """Returns the texts. A seal without an opening was erased; an opening without a seal has no business here."""
    lengths = {seal["c"]: seal["n"] for seal in seals_in(value)}
    texts = []
    for commitment, (salt, text) in openings.items():
        if commitment not in lengths:
            raise Fault(f"{where}: an opening belongs to no seal")
        if digest(f"choir/text/1\n{salt}\n{text}") != commitment:
            raise Fault(f"{where}: a text does not fit its commitment")
        if len(text.encode("utf-16-le")) // 2 != lengths[commitment]:
            raise Fault(f"{where}: a text has not the length of its seal")
        texts.append(text)
    return texts


# -- Principals and signatures -----------------------------------------------------

CLOCK_TOLERANCE = 60_000


def is_signed(key, signature, kind, fields):
    return signatures.is_valid(key, signature, f"choir/statement/1\n{kind}\n{canonical(fields)}")


def covers(patterns, topic):
    return not patterns or any(
        topic.startswith(pattern[:-1]) if pattern.endswith("*") else topic == pattern for pattern in patterns
    )


def verify_attestation(principal, topic, at, where):
    attestation = principal["attestation"]
    fields = {key: value for key, value in attestation.items() if key != "signature"}
    is_for_this = (
        attestation["agent"] == principal["agent"] != principal["owner"] == attestation["owner"]
        and attestation["audience"] == os.environ["CHOIR_AUDIENCE"]
        and covers(attestation["topics"], topic)
        and attestation["issued_at"] <= at + CLOCK_TOLERANCE
        and at <= attestation["expires_at"] + CLOCK_TOLERANCE
    )
    if not is_for_this:
        raise Fault(f"{where}: the attestation does not allow this")
    if not is_signed(attestation["owner"], attestation["signature"], "attestation", fields):
        raise Fault(f"{where}: the attestation is not by the owner")


def verify_author(event, topic, where):
    """Verifies on whose behalf an agent acts, and the signature of a command that has one."""
    principal, signed = event["principal"], event.get("signature")
    if "agent" in principal:
        verify_attestation(principal, topic, event["at"], where)
    if signed is None:
        return
    if (signed["audience"], signed["topic"]) != (os.environ["CHOIR_AUDIENCE"], topic):
        raise Fault(f"{where}: the command was signed for another topic or server")
    fields = {key: value for key, value in signed.items() if key != "signature"}
    key = principal.get("key") or principal.get("person") or principal["agent"]
    if not is_signed(key, signed["signature"], "command", {"id": event["cause"], **fields}):
        raise Fault(f"{where}: the command is not signed by its author")
    if signed.get("owner") != principal.get("owner"):
        raise Fault(f"{where}: the command was signed for another owner")
    commitments = {seal["c"] for seal in seals_in(signed["command"])}
    if not {seal["c"] for seal in seals_in(event["event"])} <= commitments:
        raise Fault(f"{where}: its author has not signed its texts")


# -- Events ---------------------------------------------------------------------


class Verifier:
    """Follows one topic from its first snapshot on."""

    def __init__(self):
        self.topic = self.epoch = self.head = None
        self.seq = 0

    def receive(self, envelope):
        """Verifies an envelope, and yields seq, hash and texts of what it contains."""
        kind, payload = envelope["type"], envelope["payload"]
        if kind == "batch":
            for message in payload["messages"]:
                yield from self.receive(message)
        elif kind == "subscribed":
            yield from self.subscribe(envelope["thread_id"], payload)
        elif kind == "delta":
            if payload["from"] != self.seq:
                raise Fault(f"event {self.seq + 1} is missing")
            yield from self.advance(payload["events"])
            if payload["to"] != self.seq:
                raise Fault(f"event {self.seq + 1} is missing")

    def subscribe(self, topic, payload):
        position, head = payload["position"], payload["head"]
        self.topic, self.epoch = topic, position["epoch"]
        if payload["mode"] == "snapshot":
            self.seq, self.head = position["seq"], head
            snapshot = payload["snapshot"]
            if hash_state(snapshot["state"]) != payload["hash"]:
                raise Fault("the snapshot is not the state with this hash")
            yield self.seq, head, verify_openings(snapshot["state"], snapshot["open"], "the snapshot")
            return
        yield from self.advance(payload["events"])
        if (self.seq, self.head) != (position["seq"], head):
            raise Fault("the events do not lead to the head")

    def advance(self, events):
        for event in events:
            where = f"event {self.seq + 1}"
            if event["seq"] != self.seq + 1:
                raise Fault(f"{where} is missing")
            fields = {key: value for key, value in event.items() if key not in ("hash", "open")}
            fields.update(topic=self.topic, epoch=self.epoch, prev=self.head)
            if digest("choir/entry/1\n" + canonical(fields)) != event["hash"]:
                raise Fault(f"{where} is not the one with this hash")
            verify_author(event, self.topic, where)
            texts = verify_openings(event["event"], event.get("open", {}), where)
            self.seq, self.head = event["seq"], event["hash"]
            yield self.seq, self.head, texts


def read_server_sent_events(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as response:
        for line in response:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def follow(url):
    verifier = Verifier()
    for envelope in read_server_sent_events(url, os.environ["CHOIR_TOKEN"]):
        for seq, head, texts in verifier.receive(envelope):
            print(json.dumps({"seq": seq, "hash": head, "texts": texts}), flush=True)


def check(lines):
    for line in lines:
        verifier, fault = Verifier(), "none"
        try:
            for envelope in json.loads(line):
                for _ in verifier.receive(envelope):
                    pass
        except Fault as found:
            fault = str(found)
        print(fault, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "follow":
        follow(sys.argv[2])
    else:
        check(sys.stdin.buffer)
