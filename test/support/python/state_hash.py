"""The state hash, written from docs/format.md alone: of 64 bits, as 16 hexadecimal digits. For states without maps and sets."""

import struct

MASK = 0xFFFFFFFF


def scramble(n):
    n ^= n >> 16
    n = n * 0x7FEB352D & MASK
    n ^= n >> 15
    n = n * 0x846CA68B & MASK
    return n ^ n >> 16


def mix(place, pair):
    a, b = pair
    x = scramble(a + place * 0x9E3779B1 & MASK)
    y = scramble((b ^ place * 0x85EBCA77 & MASK) + x & MASK)
    return scramble(x + y * 0xC2B2AE3D & MASK), y


def add(p, q):
    return p[0] + q[0] & MASK, p[1] + q[1] & MASK


def pair_of_string(text):
    units = text.encode("utf-16-le")
    a = len(units) // 2
    b = ~a & MASK
    for (unit,) in struct.iter_unpack("<H", units):
        a = (a ^ unit) * 0x9E3779B1 & MASK
        a ^= a >> 15
        b = (b + unit) * 0x85EBCA77 & MASK
        b ^= b >> 13
    return mix(6, (a, b))


def pair_of(value):
    empty = (0, MASK)
    if value is None:
        return mix(2, empty)
    if isinstance(value, bool):
        return mix(3 if value else 4, empty)
    if isinstance(value, (int, float)):
        return mix(5, struct.unpack("<II", struct.pack("<d", float(value) + 0.0)))
    if isinstance(value, str):
        return pair_of_string(value)
    if isinstance(value, list):
        pair = mix(7, empty)
        for index, item in enumerate(value):
            pair = add(pair, mix(index, pair_of(item)))
        return pair
    pair = mix(8, empty)
    for name, field in value.items():
        (k, l), (v, w) = pair_of_string(name), pair_of(field)
        pair = add(pair, mix(k, (v ^ l, w)))
    return pair


def hash_state(value):
    return "%08x%08x" % mix(1, pair_of(value))
