#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""all-MiniLM-L6-v2 in Tessera and in its peers on the same ready tokens, in one run, each in its own fastest form.

Workloads: b1s16 and b1s128, one text of so many tokens; b32, 32 texts of different lengths, padded for the peers and packed for us.
Rounds go through all of them in turn, so that a slow moment of the machine meets everybody; a time is the median over all rounds.
`limit` is the time to read the layers' weights of a precision once, or that of their multiply-adds at the speed of the processor's
registers where that is longer.

    bench/peers            writes docs/benchmarks.md's table and docs/peers.svg
    bench/peers --json     prints one line for each peer, precision and workload:
        peer, precision, threads, workload, tokens, padded, ms, best_ms, texts_per_s, min_cos (of the vectors with torch's f32)
"""
import argparse
import json
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRECISIONS = ("f32", "bf16", "i8")


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="bench/peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print lines instead of writing the documents")
    parser.add_argument("--threads", type=int, default=1, help="threads of every peer (ours encodes one batch on one)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only peers whose name contains this; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each peer, workload and round")
    parser.add_argument("--program", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    return parser.parse_args()


given = arguments()
os.environ["OMP_NUM_THREADS"] = str(given.threads)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ |= {"TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error"}
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
import numpy as np  # after the number of threads is set


# Workloads ---------------------------------------------------------------------------------------------------------------------

def real_texts():
    """32 lines of package descriptions, or of the licence where the machine has no package list."""
    try:
        known = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True).stdout
    except OSError:
        known = ""
    lines = [line.strip() for line in known.splitlines() if line[:1] == " " and line[1:2].isalpha() and len(line) > 40][:4000]
    if len(lines) < 32:
        lines = [line.strip() for line in (ROOT / "LICENSE").read_text().splitlines() if len(line) > 40]
    return lines[:: len(lines) // 32][:32]


def workloads():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(given.model + "/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts = real_texts()
    inner = tokenizer.encode(" ".join(texts), add_special_tokens=False).ids
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    return {"b1s16": [[cls] + inner[:14] + [sep]], "b1s128": [[cls] + inner[:126] + [sep]],
            "b32": [tokenizer.encode(text).ids[:256] for text in texts]}


def padded(rows):
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


def mean(states, mask):
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


# Peers: each yields (name, precision, function of padded ids and mask that gives vectors) ------------------------------------------

def torch_peers():
    import torch
    from transformers import AutoModel

    torch.set_num_threads(given.threads)

    def of(model):
        def run(ids, mask):
            with torch.inference_mode():
                states = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
            return mean(states.float().numpy(), mask)
        return run

    for precision, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        yield "torch", precision, of(AutoModel.from_pretrained(given.model, attn_implementation="sdpa", dtype=dtype).eval())


def onnx_file():
    """The model as ONNX; made once from torch's."""
    path = pathlib.Path(given.cache, "minilm.onnx")
    if not path.exists():
        import torch
        from transformers import AutoModel

        class states(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, ids, mask, types):
                return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

        model = states(AutoModel.from_pretrained(given.model, attn_implementation="eager").eval())
        sample = torch.ones(2, 7, dtype=torch.int64)
        names = ["input_ids", "attention_mask", "token_type_ids"]
        temporary = path.with_suffix(".tmp")
        torch.onnx.export(model, (sample, sample, sample * 0), str(temporary), input_names=names, output_names=["states"], opset_version=17,
                          dynamic_axes={name: {0: "texts", 1: "tokens"} for name in names + ["states"]}, dynamo=False)
        temporary.rename(path)
    return path


def onnxruntime_peers():
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    plain = onnx_file()
    fused, int8 = plain.with_name("minilm_fused.onnx"), plain.with_name("minilm_int8.onnx")
    if not fused.exists():
        from onnxruntime.transformers import optimizer

        optimizer.optimize_model(str(plain), model_type="bert", num_heads=12, hidden_size=384, opt_level=1).save_model_to_file(str(fused))
    if not int8.exists():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(str(plain), str(int8), weight_type=QuantType.QInt8)

    def of(path):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = given.threads, 1
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = {i.name for i in session.get_inputs()}

        def run(ids, mask):
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            return mean(session.run(None, {name: value for name, value in inputs.items() if name in names})[0], mask)
        return run

    yield "onnxruntime", "f32", of(plain)
    yield "onnxruntime-fused", "f32", of(fused)
    yield "onnxruntime", "int8dyn", of(int8)


def openvino_peers():
    import openvino

    core = openvino.Core()
    model = core.read_model(str(onnx_file()))
    for precision in ("f32", "bf16"):
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": given.threads, "INFERENCE_PRECISION_HINT": precision,
                                                     "PERFORMANCE_HINT": "LATENCY"})
        yield "openvino", precision, lambda ids, mask, run=compiled: mean(run([ids, mask, np.zeros_like(ids)])[0], mask)


def ctranslate2_peers():
    import ctranslate2

    directory = os.path.join(given.cache, "ctranslate2")
    if not os.path.exists(directory):
        from ctranslate2.converters import TransformersConverter

        TransformersConverter(given.model).convert(directory)
    for precision in ("float32", "int8", "bfloat16"):
        try:
            encoder = ctranslate2.Encoder(directory, device="cpu", compute_type=precision, intra_threads=given.threads)
        except ValueError as why:
            say(f"ctranslate2 {precision}: {why}")
            continue

        def run(ids, mask, encoder=encoder):
            rows = [row[:length].tolist() for row, length in zip(ids, mask.sum(1))]
            return mean(np.array(encoder.forward_batch(rows).last_hidden_state), mask)
        yield "ctranslate2", precision, run


class Tessera:
    """The C++ half, driven over pipes."""

    def __init__(self, program):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline().rstrip("\n")
        if answer.startswith("error") or not answer:
            raise RuntimeError(answer or "bench_embed_tokens ended")
        return answer

    def numbers(self, text):
        return [float(number) for number in self.ask(text).split()]


# The run -----------------------------------------------------------------------------------------------------------------------

def timed(run, ids, mask):
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < given.seconds:
        start = time.perf_counter()
        run(ids, mask)
        times.append((time.perf_counter() - start) * 1e3)
    return times


def measure():
    rows = workloads()
    batches = {name: padded(texts) for name, texts in rows.items()}
    wanted = lambda name: not given.only or any(part in name for part in given.only)

    runs = {}  # (peer, precision) -> function of a workload's name that gives the milliseconds of some calls
    vectors = {}
    for peers in (torch_peers, onnxruntime_peers, openvino_peers, ctranslate2_peers):
        name = peers.__name__.removesuffix("_peers")
        if not wanted(name):
            continue
        try:
            for peer, precision, run in peers():
                say(f"{peer} {precision}")
                vectors[peer, precision] = {workload: run(*batch) for workload, batch in batches.items()}
                runs[peer, precision] = lambda workload, run=run: timed(run, *batches[workload])
        except Exception as why:  # a peer that is not there, or cannot do this, is named; the others run
            say(f"{name} is left out: {str(why).splitlines()[0] if str(why) else repr(why)}")

    ours = Tessera(given.program)
    for workload, texts in rows.items():
        ours.ask(f"tokens {workload} {len(texts)} " + " ".join(f"{len(text)} " + " ".join(map(str, text)) for text in texts))
    for precision in PRECISIONS:
        try:
            ours.ask(f"load {precision} {given.model}")
        except RuntimeError as why:
            say(f"tessera {precision}: {why}")
            continue
        say(f"tessera {precision}")
        vectors["tessera", precision] = {
            workload: np.array(ours.numbers(f"vectors {precision} {workload}")).reshape(len(texts), -1) for workload, texts in rows.items()}
        runs["tessera", precision] = lambda workload, p=precision: ours.numbers(f"run {p} {workload} {given.seconds}")
        runs["limit", precision] = lambda workload, p=precision: ours.numbers(f"limit {p} {workload} {given.seconds / 4}")

    times = {key: {workload: [] for workload in rows} for key in runs}
    for number in range(given.rounds):
        say(f"round {number + 1} of {given.rounds}")
        for workload in rows:
            for key, run in runs.items():
                times[key][workload] += run(workload)

    reference = next(iter(vectors.values()))
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    for (peer, precision), by_workload in times.items():
        for workload, milliseconds in by_workload.items():
            ids, mask = batches[workload]
            median = statistics.median(milliseconds)
            line = {"peer": peer, "precision": precision, "threads": 1 if peer in ("tessera", "limit") else given.threads, "workload": workload,
                    "tokens": int(mask.sum()), "padded": int(mask.sum() if peer in ("tessera", "limit", "ctranslate2") else ids.size),
                    "ms": round(median, 3), "best_ms": round(min(milliseconds), 3)}
            if peer != "limit":
                cosines = (unit(vectors[peer, precision][workload]) * unit(reference[workload])).sum(1)
                line |= {"texts_per_s": round(len(ids) / median * 1e3, 1), "min_cos": round(float(cosines.min()), 5)}
            yield line


def main():
    lines = []
    for line in measure():
        lines.append(line)
        if given.json:
            print(json.dumps(line), flush=True)
    if not given.json:
        import peers_report

        peers_report.write(ROOT / "docs", lines)


if __name__ == "__main__":
    main()
