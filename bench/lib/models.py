#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One published shape of each family in Tessera and in torch (transformers) on the same ready tokens, in one run.

Weights are random, drawn and written by transformers' own class, so that both read one file; vectors are compared. Workloads: one text of
128 tokens, and 8 texts of 16 to 128 tokens, padded for torch and packed for us. A time is the median of all rounds, which alternate.

    bench/models --directory FOLDER        writes the table of docs/models.md; FOLDER needs 3 GB of disk, the run 8 GB of memory
    bench/models --directory FOLDER --json prints one line for each model, peer, precision and workload
"""
import argparse
import datetime
import json
import pathlib
import shutil
import statistics
import sys

from child import Child, arguments, peer_command, put, say, tell_tokens, unit
from report import processor, write_table

ROOT = pathlib.Path(__file__).resolve().parents[2]

parser = argparse.ArgumentParser(prog="bench/models", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--directory", required=True, help="a folder for the weights; what is written there is removed after each model")
parser.add_argument("--json", action="store_true", help="print lines instead of writing the document")
given = arguments(parser, seconds=0.5)
import numpy as np  # after the number of threads is set

# Name -> family, transformers' configuration, pooling, dense modules, unit length: as published.
MODELS = {
    "bge-base-en-v1.5": ("bert", "BertConfig", {}, "cls", (), True),
    "multilingual-e5-base": ("roberta", "XLMRobertaConfig", {"vocab_size": 250002, "max_position_embeddings": 514, "type_vocab_size": 1,
                                                             "layer_norm_eps": 1e-5}, "mean", (), True),
    "nomic-embed-text-v1.5": ("nomic_bert", "NomicBertConfig", {"max_position_embeddings": 8192}, "mean", (), False),
    "gte-modernbert-base": ("modernbert", "ModernBertConfig", {}, "cls", (), False),
    "embeddinggemma-300m": ("gemma3", "Gemma3TextConfig",
                            {"vocab_size": 262144, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 24,
                             "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 256, "max_position_embeddings": 2048,
                             "query_pre_attn_scalar": 256, "sliding_window": 512, "use_bidirectional_attention": True},
                            "mean", ((768, 3072), (3072, 768)), True),
    "Qwen3-Embedding-0.6B": ("qwen3", "Qwen3Config",
                             {"vocab_size": 151669, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
                              "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 32768,
                              "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "rms_norm_eps": 1e-6, "tie_word_embeddings": True}, "lasttoken", (), True),
}
PRECISIONS = {"f32": "f32", "bf16": "bf16", "i8": "bf16"}  # ours, and torch's beside it
WORKLOADS = {"b1s128": "one text of 128 tokens", "b8": "8 texts of mixed length"}


def make_model(folder, configuration, settings, pooling, heads, normalize):
    """A published directory with random weights; the number of parameters."""
    import torch
    import transformers
    from safetensors.torch import save_file

    torch.manual_seed(1)
    model = transformers.AutoModel.from_config(getattr(transformers, configuration)(**settings), dtype=torch.float32)
    model.save_pretrained(folder)
    modules = ["Transformer", "Pooling"] + ["Dense"] * len(heads) + ["Normalize"] * normalize
    folders = ["", "1_Pooling"] + [f"{i + 2}_Dense" for i in range(len(heads))] + [f"{len(heads) + 2}_Normalize"] * normalize
    (folder / "modules.json").write_text(json.dumps([
        {"idx": i, "name": str(i), "path": place, "type": "sentence_transformers.models." + kind}
        for i, (kind, place) in enumerate(zip(modules, folders))]))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps(
        {"word_embedding_dimension": model.config.hidden_size} |
        {f"pooling_mode_{name}": name.startswith(pooling) for name in ("cls_token", "mean_tokens", "lasttoken")}))
    for i, (width, out) in enumerate(heads):
        place = folder / f"{i + 2}_Dense"
        place.mkdir()
        (place / "config.json").write_text(json.dumps({"in_features": width, "out_features": out, "bias": False,
                                                       "activation_function": "torch.nn.modules.linear.Identity"}))
        save_file({"linear.weight": torch.randn(out, width) * 0.02}, place / "model.safetensors", {"format": "pt"})
    return sum(parameter.numel() for parameter in model.parameters()) + sum(width * out for width, out in heads)


def workloads():
    random = np.random.default_rng(7)
    row = lambda length: random.integers(1000, 29000, length).tolist()
    return {"b1s128": [row(128)], "b8": [row(16 + 16 * i) for i in range(8)]}


def measure(name, folder):
    """Milliseconds by (peer, precision) and workload, and the least cosine with torch's f32."""
    rows = workloads()
    times, cosines, reference = {}, {}, {}
    for group in (["f32"], ["bf16", "i8"]):
        children = {}
        try:
            for precision in group:
                children["tessera", precision] = Child([given.program, name, precision, str(folder), str(given.threads)] + ["cpu"] * given.cpu_time)
            children["torch", group[0]] = Child(peer_command(sys.executable, "torch-" + group[0], folder, given.threads) + ["cpu"] * given.cpu_time)
            for key, child in children.items():
                tell_tokens(child, rows)
                times[key] = {workload: [] for workload in rows}
                for workload in rows:
                    child.ask(f"run {workload} 0")  # pages, caches
            for number in range(given.rounds):
                say(f"{name} {group[0]}: round {number + 1} of {given.rounds}")
                for workload in rows:
                    for key, child in children.items():
                        times[key][workload] += child.numbers(f"run {workload} {given.seconds}")
            for key, child in sorted(children.items(), reverse=True):  # torch's f32 comes first
                for workload, texts in rows.items():
                    vectors = unit(np.array(child.numbers(f"vectors {workload}")).reshape(len(texts), -1))
                    reference.setdefault(workload, vectors)
                    least = float((vectors * reference[workload]).sum(1).min())
                    cosines[key] = min(cosines.get(key, 1.0), least)
        finally:
            for child in children.values():
                child.end()
    return {key: {workload: statistics.median(each) for workload, each in by_workload.items()} for key, by_workload in times.items()}, cosines


def table(results):
    out = [f"{'One thread' if given.threads == 1 else f'{given.threads} threads'} of {processor()}, {datetime.date.today()}, one run of "
           "`bench/models` with random weights of the published",
           "shape: torch's time (transformers, scaled dot-product attention) over ours, so above 1 we are faster; i8 beside torch's bf16. Cosines are the least",
           "with torch's f32 vectors.", "",
           "| family, model | parameters | " + " | ".join(f"{precision}: 128 tokens, 8 mixed" for precision in PRECISIONS) + " | cosine f32, bf16, i8 |",
           "| --- | --- |" + " --- |" * (len(PRECISIONS) + 1)]
    for name, (parameters, times, cosines) in results.items():
        ratios = [", ".join(f"{times['torch', theirs][workload] / times['tessera', ours][workload]:.2f}" for workload in WORKLOADS)
                  for ours, theirs in PRECISIONS.items()]
        near = ", ".join(f"{cosines['tessera', precision]:.5f}" for precision in PRECISIONS)
        out.append(f"| {MODELS[name][0]}, {name} | {parameters / 1e6:.0f} M | " + " | ".join(ratios) + f" | {near} |")
    return "\n".join(out) + "\n"


def main():
    results = {}
    for name, (_, configuration, settings, pooling, heads, normalize) in MODELS.items():
        if given.only and not any(part in name for part in given.only):
            continue
        folder = pathlib.Path(given.directory) / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            say(f"{name}: writing its weights")
            parameters = make_model(folder, configuration, settings, pooling, heads, normalize)
            times, cosines = measure(name, folder)
        except (RuntimeError, AttributeError, ValueError) as why:  # named, and the others run
            say(f"{name} is left out: {why}")
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        results[name] = parameters, times, cosines
        if given.json:
            for (peer, precision), by_workload in times.items():
                for workload, milliseconds in by_workload.items():
                    put(model=name, peer=peer, precision=precision, threads=given.threads, workload=workload, ms=round(milliseconds, 2),
                        min_cos=round(cosines[peer, precision], 5))
    if not given.json:
        write_table(ROOT / "docs/models.md", "bench/models", table(results))


if __name__ == "__main__":
    main()
