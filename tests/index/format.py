#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reader of index files, written from docs/formats.md alone: it must find in each file what the library wrote.

    tests/index/format.py [FILE...]     default: tests/data/index/*.tsi; prints what each file says
"""
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parents[1] / "data" / "index"
ELEMENT = {"f32": 4, "f16": 2, "bf16": 2, "i8": 1, "i4": 0.5, "b1": 0.125}


def digest64(data):
    def mix(state, word):
        state = ((state ^ word) * 0x9E3779B97F4A7C15) % 2**64
        return state ^ (state >> 29)
    lanes = [0, 1, 2, 3]
    whole = len(data) // 32 * 32
    words = struct.unpack(f"<{whole // 8}Q", data[:whole])
    for i, word in enumerate(words):
        lanes[i % 4] = mix(lanes[i % 4], word)
    tail = struct.unpack("<4Q", data[whole:].ljust(32, b"\0"))
    digest = len(data)
    for lane, word in zip(lanes, tail):
        digest = mix(digest, mix(lane, word))
    return digest


def up(number):
    return (number + 63) // 64 * 64


def text(field):
    name, _, rest = field.partition(b"\0")
    assert not rest.strip(b"\0"), "zeros after a name"
    return name.decode()


def read(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89TSI\r\n\x1a\n", "magic"
    version, header, size, rows, dimension, stride, made_by = struct.unpack("<IIQQQQQ", data[8:56])
    flags, block = struct.unpack("<II", data[88:96])
    kind, precision, pooling, metric = (text(data[at:at + 16]) for at in (96, 112, 128, 144))
    directory, count, label = struct.unpack("<QII", data[160:176])
    assert version == 1 and block == 16384 and size == len(data) and header == up(176 + 24 * count + label + 8)
    assert digest64(data[:header - 8]) == struct.unpack("<Q", data[header - 8:header])[0], "checksum of the header"
    names = 176 + 24 * count
    sections = {}
    end = None
    for i in range(count):
        name, at, length = struct.unpack("<8sQQ", data[176 + 24 * i:200 + 24 * i])
        begin = at if end is None else up(end)
        assert at == begin and at % 64 == 0 and (end is None or not any(data[end:at])), "place of a section"
        sections[text(name)] = data[at:at + length]
        if i == 0:
            first = at
        end = at + length
    assert end == len(data)
    blocks = -(-(len(data) - first) // block)
    assert first == up(header + 8 * blocks) and digest64(data[header:first]) == directory, "directory"
    for i in range(blocks):
        at = first + i * block
        assert digest64(data[at:at + block]) == struct.unpack("<Q", data[header + 8 * i:header + 8 * i + 8])[0], f"block {i}"
    stored = int(-(-dimension * ELEMENT[precision] // 1))
    assert stride == up(stored) and len(sections["rows"]) == rows * stride and len(sections["ids"]) == 8 * rows
    wanted = ["ids"] + ["norms"] * (precision not in ("f32", "b1")) + ["scales"] * (precision in ("i8", "i4")) + ["rows"]
    assert list(sections) == wanted
    weights = data[56:88].hex() if flags & 2 else None
    return {"kind": kind, "space": data[names:names + label].decode(), "dimension": dimension, "precision": precision,
            "pooling": pooling, "metric": metric, "unit_length": bool(flags & 1), "made_by": made_by, "weights": weights,
            "ids": list(struct.unpack(f"<{rows}Q", sections["ids"])),
            "rows": [sections["rows"][i * stride:i * stride + stored] for i in range(rows)]}


def main():
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            print({key: value for key, value in read(pathlib.Path(name)).items() if key != "rows"})
        return
    f32 = read(HERE / "flat_f32.tsi")
    assert f32["space"] == "four" and f32["metric"] == "cosine" and f32["pooling"] == "cls" and not f32["unit_length"]
    assert f32["made_by"] == 0x1122334455667788 and bytes.fromhex(f32["weights"]) == bytes(range(32))
    assert f32["ids"] == [7, 1, 2**64 - 1]
    assert [struct.unpack("<4f", row) for row in f32["rows"]] == [(1, 2, 3, 4), (-1, 0.5, 0, 8), (0, 0, 0, 0)]
    i8 = read(HERE / "flat_i8.tsi")
    assert i8["weights"] is None and struct.unpack("<4b", i8["rows"][1]) == (-16, 8, 0, 127)
    b1 = read(HERE / "flat_b1.tsi")
    assert b1["dimension"] == 9 and b1["unit_length"] and b1["metric"] == "hamming" and b1["rows"] == [b"\x55\x01", b"\xf0\x00"]
    empty = read(HERE / "flat_f16_empty.tsi")
    assert empty["ids"] == [] and empty["metric"] == "squared_l2"
    print("4 files read as docs/formats.md says\n1 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    main()
