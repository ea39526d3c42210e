#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Qwen2 of 1.5 billion parameters (the size of Stella 1.5B, gte-Qwen2 and Qodo-Embed-1) in Tessera and in its peers on the same ready
tokens: memory, time to load, tokens a second.

The weights are random numbers of a fixed seed in bf16 (3.1 GB), written to a folder of their own and removed afterwards. What runs at one
time stays below 9 GB: our bf16 beside torch's, then beside our i8 and i4, then bf16 and i8 beside llama.cpp's bf16 and Q8_0 where the package
llama-cpp-python (with gguf, to write its files) is in the Python environment. Rounds go through all of a group in turn; a time is the median of all rounds.

Workloads: one text of 16, 128 and 512 tokens, and 16 texts of 16 to 64 tokens; then short queries behind an instruction of the model's
configuration, whose states are shared, and the same texts with the instruction written into them, where they are not.

    bench/large-model --directory FOLDER       FOLDER needs 9 GB of disk
"""
import argparse
import json
import pathlib
import shutil
import statistics
import sys

import child
from child import put, say, tell_tokens, unit

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, INNER, VOCABULARY = 28, 1536, 12, 2, 128, 8960, 151936
PROMPT = "Given a web query, find passages that answer it\nQuery:"

parser = argparse.ArgumentParser(prog="bench/large-model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--directory", required=True, help="a folder for the weights; made, and removed at the end")
parser.add_argument("--keep", action="store_true", help="leave the weights there; they are used again")
parser.add_argument("--group", action="append", default=[], choices=("torch", "own", "llama", "llama8"), help="only these groups; may be repeated")
parser.add_argument("--llama-python", help="a Python with llama-cpp-python and gguf, where it is not this one")
given = child.arguments(parser, seconds=1.0)
import numpy as np  # after the number of threads is set


# The model ---------------------------------------------------------------------------------------------------------------------

def tensors():
    """Names and shapes as published, in the order of the file."""
    yield "embed_tokens.weight", (VOCABULARY, WIDTH)
    for i in range(LAYERS):
        layer = f"layers.{i}."
        yield layer + "input_layernorm.weight", (WIDTH,)
        for name, out in (("q", HEADS * HEAD), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD)):
            yield f"{layer}self_attn.{name}_proj.weight", (out, WIDTH)
            yield f"{layer}self_attn.{name}_proj.bias", (out,)
        yield layer + "self_attn.o_proj.weight", (WIDTH, HEADS * HEAD)
        yield layer + "post_attention_layernorm.weight", (WIDTH,)
        yield layer + "mlp.gate_proj.weight", (INNER, WIDTH)
        yield layer + "mlp.up_proj.weight", (INNER, WIDTH)
        yield layer + "mlp.down_proj.weight", (WIDTH, INNER)
    yield "norm.weight", (WIDTH,)


def values(name, shape, number):
    """bf16 as uint16: norms are one, all else normal with deviation 0.02."""
    if "norm" in name:
        return np.full(shape, 0x3F80, np.uint16)
    numbers = np.random.default_rng(number).standard_normal(int(np.prod(shape)), np.float32)
    numbers *= 0.02
    return (numbers.view(np.uint32) >> 16).astype(np.uint16).reshape(shape)


def make_model(folder):
    if (folder / "done").exists():
        return
    say(f"writing the weights to {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    header, at = {}, 0
    for name, shape in tensors():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for number, (name, shape) in enumerate(tensors()):
            file.write(values(name, shape, number).tobytes())
    config = {"architectures": ["Qwen2Model"], "model_type": "qwen2", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
              "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "intermediate_size": INNER, "vocab_size": VOCABULARY,
              "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "hidden_act": "silu", "torch_dtype": "bfloat16",
              "sliding_window": 131072, "max_window_layers": 28, "use_sliding_window": False, "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
               {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH, "pooling_mode_lasttoken": True,
                                                              "pooling_mode_mean_tokens": False,
                                                              "pooling_mode_cls_token": False}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": PROMPT}, "default_prompt_name": None}))
    shutil.copy(ROOT / "tests/data/text/tokenizers/bpe_qwen2/tokenizer.json", folder)
    (folder / "done").touch()


def workloads():
    random = np.random.default_rng(7)
    row = lambda length: random.integers(0, 150000, length).tolist()
    rows = {"b1s16": [row(16)], "b1s128": [row(128)], "b1s512": [row(512)], "b16": [row(16 + 48 * i // 15) for i in range(16)]}
    return {name: texts for name, texts in rows.items() if not given.only or any(part in name for part in given.only)}


# Those that run ------------------------------------------------------------------------------------------------------------------

def tessera(precision, folder):
    return child.Child([given.program, "qwen2-1.5b", precision, str(folder), str(given.threads)] + ["cpu"] * given.cpu_time)


def peer(kind, folder):
    python = given.llama_python if kind != "torch-bf16" and given.llama_python else sys.executable
    return child.Child(child.peer_command(python, kind, folder, given.threads) + ["cpu"] * given.cpu_time)


# The run -----------------------------------------------------------------------------------------------------------------------

def run_group(children, rows, extra):
    """Alternates between the children; one line for each and workload."""
    reference = None
    for (name, precision), one in children.items():
        seconds, memory, resident, peak = (float(x) for x in one.ready.split()[1:])
        put(peer=name, precision=precision, what="load", seconds=round(seconds, 2), memory_bytes=int(memory), resident_bytes=int(resident),
            peak_bytes=int(peak))
        tell_tokens(one, rows)
    times = {key: {workload: [] for workload in rows} for key in children}
    others = {}
    for number in range(given.rounds):
        say(f"round {number + 1} of {given.rounds}")
        for workload in rows:
            for key, one in children.items():
                times[key][workload] += one.numbers(f"run {workload} {given.seconds}")
        for key, one in children.items():
            if key[0] == "tessera":
                for label, command in extra:
                    others.setdefault((key, label), []).extend(one.numbers(command))
    for (name, precision), by_workload in times.items():
        for workload, milliseconds in by_workload.items():
            tokens = sum(map(len, rows[workload]))
            median = statistics.median(milliseconds)
            vectors = unit(np.array(children[name, precision].numbers(f"vectors {workload}")).reshape(len(rows[workload]), -1))
            if reference is None:
                reference = {}
            reference.setdefault(workload, vectors)
            put(peer=name, precision=precision, what=workload, threads=given.threads, tokens=tokens, ms=round(median, 1),
                best_ms=round(min(milliseconds), 1), tokens_per_s=round(tokens / median * 1e3, 1),
                min_cos=round(float((vectors * reference[workload]).sum(1).min()), 4))
    for ((name, precision), label), milliseconds in others.items():
        put(peer=name, precision=precision, what=label, threads=given.threads, ms=round(statistics.median(milliseconds), 1),
            best_ms=round(min(milliseconds), 1))


def main():
    folder = pathlib.Path(given.directory)
    make_model(folder)
    rows = workloads()
    reading = [("read", f"read {given.seconds / 2}")]
    prompts = [(f"{count} queries, {'shared' if shared else 'whole'}", f"prompt {shared} {count} {given.seconds / 2}")
               for count in (1, 8) for shared in (1, 0) if not given.only or "queries" in given.only]
    groups = {"torch": ([("tessera", "bf16"), ("torch", "bf16")], reading),
              "own": ([("tessera", "bf16"), ("tessera", "i8"), ("tessera", "i4")], reading + prompts),
              "llama": ([("tessera", "bf16"), ("llama.cpp", "bf16")], reading),
              "llama8": ([("tessera", "i8"), ("llama.cpp", "q8_0")], reading)}
    for group, (names, extra) in groups.items():
        if given.group and group not in given.group:
            continue
        children = {}
        try:
            for name, precision in names:
                children[name, precision] = (tessera(precision, folder) if name == "tessera" else
                                             peer("torch-bf16", folder) if name == "torch" else peer(precision, folder))
            run_group(children, rows, extra)
        except RuntimeError as why:
            say(f"{group} is left out: {why}")
        for one in children.values():
            one.end()
    if not given.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
