#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small vocabularies of this folder: sentencepiece models and GGUF files of every kind that is read."""
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
WORDS = ["\u2581hello", "\u2581world", "\u2581w", "\u00f6r", "ld", "he", "ll", "llo", "\u2581he", "\u4f60\u597d", "aa", "aaaa", "\u2581\u2581"]
LETTERS = list("abcdehlorw,!1e9") + ["\u2581", "\u00f6", "\u4f60", "\u597d"]


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def pieces(with_bytes):
    made = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL), ("[MASK]", 0.0, USER)]
    if with_bytes:
        made += [(f"<0x{b:02X}>", 0.0, BYTE) for b in range(256)]
    tokens = list(dict.fromkeys(WORDS + LETTERS))
    return made + [(token, -1.0 - i, NORMAL) for i, token in enumerate(tokens)]


def sentencepiece(name, kind, with_bytes):
    out = b"".join(field(1, field(1, t.encode()) + field(2, s) + field(3, k)) for t, s, k in pieces(with_bytes))
    out += field(2, field(3, kind) + field(35, int(with_bytes)))
    out += field(3, field(3, 1) + field(4, 1) + field(5, 1))
    (HERE / name).write_bytes(out)


def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def entry(key, value):
    kinds = {bool: (7, "<?"), int: (4, "<I"), float: (6, "<f")}
    out = text(key)
    if isinstance(value, str):
        return out + struct.pack("<I", 8) + text(value)
    if not isinstance(value, list):
        kind, form = kinds[type(value)]
        return out + struct.pack("<I", kind) + struct.pack(form, value)
    if isinstance(value[0], str):
        return out + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    kind, form = (5, "<i") if isinstance(value[0], int) else (6, "<f")
    return out + struct.pack("<IIQ", 9, kind, len(value)) + b"".join(struct.pack(form, v) for v in value)


def gguf(name, model, tokens, more):
    values = {"general.architecture": model, "tokenizer.ggml.model": model, "tokenizer.ggml.tokens": tokens, **more}
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    (HERE / name).write_bytes(out + b"".join(entry("" + k, v) for k, v in values.items()))


def gpt2():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) if b in plain else chr(256 + [x for x in range(256) if x not in plain].index(b)) for b in range(256)]
    merges = ["h e", "l l", "he ll", "\u0120 w", "a a", "aa aa"]
    tokens = letters + [m.replace(" ", "") for m in merges] + ["<|endoftext|>"]
    gguf("gpt2.gguf", "gpt2", tokens, {"tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.merges": merges,
                                       "tokenizer.ggml.token_type": [NORMAL] * (len(tokens) - 1) + [CONTROL],
                                       "tokenizer.ggml.eos_token_id": len(tokens) - 1})


def main():
    sentencepiece("unigram.model", 1, False)
    sentencepiece("unigram_bytes.model", 1, True)
    sentencepiece("bpe.model", 2, True)
    listed = pieces(True)
    scored = {"tokenizer.ggml.scores": [s for _, s, _ in listed], "tokenizer.ggml.token_type": [k for _, _, k in listed],
              "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0}
    for model in ("llama", "t5"):
        gguf(model + ".gguf", model, [t for t, _, _ in listed], scored)
    bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2581hello", "\u2581w", "or", "ld", "\u2581,", "\u2581!"]
    gguf("bert.gguf", "bert", bert, {"tokenizer.ggml.token_type": [CONTROL] * 5 + [NORMAL] * 6, "tokenizer.ggml.unknown_token_id": 1,
                                     "tokenizer.ggml.cls_token_id": 2, "tokenizer.ggml.bos_token_id": 2,
                                     "tokenizer.ggml.seperator_token_id": 3, "tokenizer.ggml.eos_token_id": 3})
    gpt2()


main()
