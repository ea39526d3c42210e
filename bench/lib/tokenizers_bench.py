#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokenizers of this library and of Hugging Face (the package tokenizers) over the same texts, on one thread, in one run.

Each file is opened by both. Rounds go through both in turn; a time is the least of all passes, each of which begins with nothing remembered of
the texts (both remember words, and theirs whole lines where a family does not split them), and ids must be the same or the file is named
and left out. all-MiniLM-L6-v2's file is its published one; the others have the form of a published family (normaliser, splitting and
model of the files in tests/data) and up to 32,000 tokens, which Hugging Face's trainer learns from the texts on the first call.

    bench/tokenizers            writes docs/benchmarks.md's table
    bench/tokenizers --json     prints one line for each file and kind of texts: file, texts, tokens, mb, ours_mb_s, theirs_mb_s
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests/data/text/tokenizers"
VOCABULARY, LINES = 32000, 8000

parser = argparse.ArgumentParser(prog="bench/tokenizers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--json", action="store_true", help="print lines instead of writing the document")
parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH", help="also this tokenizer.json; may be repeated")
parser.add_argument("--rounds", type=int, default=4)
parser.add_argument("--seconds", type=float, default=0.3, help="of ours, of each file, texts and round")
parser.add_argument("--cpu-time", action="store_true", help="time of the processor instead of the clock, on a machine that has other work")
for hidden in ("--program", "--model", "--cache"):
    parser.add_argument(hidden, help=argparse.SUPPRESS)
given = parser.parse_args()
os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from child import Child, put, say
from report import processor, write_table

clock = time.process_time if given.cpu_time else time.perf_counter


def lines_of(folder, *endings):
    paths = sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in endings)
    return [line for path in paths for line in path.read_text().splitlines() if line.strip()]


def corpora():
    """Titles: names and descriptions of Debian's packages (where the machine has no list of them, the code's comments), prose, code."""
    try:
        known = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True).stdout.splitlines()
    except OSError:
        known = []
    code = lines_of("include", ".hpp")
    titles, name = [], ""
    for line in known:
        if line.startswith("Package: "):
            name = line[9:]
        elif line.startswith("Description: "):
            titles.append(f"{name}: {line[13:]}")
    kinds = {"titles": titles or [line for line in code if "///" in line], "prose": lines_of("docs", ".md"), "code": code}
    return {kind: lines[:: max(1, len(lines) // LINES)][:LINES] for kind, lines in kinds.items()}


def trained(model, trainer, texts, normalizer, splitting):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitting
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())["model"]


def as_family(name, texts, splitting, alphabet=()):
    """The file of that name in tests/data with a vocabulary of published size: its special tokens and bytes first."""
    file = json.loads((SMALL / name / "tokenizer.json").read_text())
    first = [token for token in file["model"]["vocab"] if token.startswith("<0x")] + [token["content"] for token in file["added_tokens"]]
    learned = trained(models.BPE(), trainers.BpeTrainer(vocab_size=VOCABULARY, show_progress=False, initial_alphabet=list(alphabet)), texts,
                      None, splitting)
    order = sorted(first, key=lambda token: file["model"]["vocab"].get(token, 1 << 30))
    order += [token for token in learned["vocab"] if token not in set(order)]
    ids = {token: number for number, token in enumerate(order)}
    file["model"] |= {"vocab": ids, "merges": learned["merges"]}
    for token in file["added_tokens"]:
        token["id"] = ids[token["content"]]
    if file["post_processor"]:
        for part in [file["post_processor"]] + file["post_processor"].get("processors", []):
            for token in part.get("special_tokens", {}).values():
                token["ids"] = [ids[each] for each in token["tokens"]]
    return file


def unigram(texts):
    normalizer, splitting = normalizers.NFKC(), pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    model = trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=VOCABULARY, special_tokens=special, unk_token="<unk>", show_progress=False),
                    texts, normalizer, splitting)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitting
    return json.loads(tokenizer.to_str()) | {"model": model}


def files(texts):
    """Name -> path of a tokenizer.json."""
    folder = pathlib.Path(given.cache, "tokenizers")
    folder.mkdir(parents=True, exist_ok=True)
    metaspace = pre_tokenizers.Metaspace()
    make = {"byte-level BPE, as Qwen2": lambda: as_family("bpe_qwen2", texts, Tokenizer.from_file(str(SMALL / "bpe_qwen2/tokenizer.json")).pre_tokenizer,
                                                          pre_tokenizers.ByteLevel.alphabet()),
            "BPE with byte fallback, as Llama": lambda: as_family("bpe_llama", texts, metaspace),
            "BPE with byte fallback, as Gemma": lambda: as_family("bpe_gemma", texts, metaspace),
            "Unigram behind NFKC": lambda: unigram(texts)}
    found = {"WordPiece, all-MiniLM-L6-v2's own": pathlib.Path(given.model, "tokenizer.json")}
    for name, one in make.items():
        path = found[name] = folder / (name.replace(" ", "_") + ".json")
        if not path.exists():
            say(f"learning a vocabulary: {name}")
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(one()))
            temporary.rename(path)
    return found | {name: pathlib.Path(path) for name, path in (entry.split("=", 1) for entry in given.file)}


def opened(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def measure():
    texts = corpora()
    ours = Child([given.program] + ["cpu"] * given.cpu_time)
    with tempfile.TemporaryDirectory() as folder:
        for kind, lines in texts.items():
            path = pathlib.Path(folder, kind)
            path.write_text("\n".join(lines) + "\n")
            ours.ask(f"texts {kind} {path}")
    sizes = {kind: sum(len(line.encode()) for line in lines) / 1e6 for kind, lines in texts.items()}
    for number, (name, path) in enumerate(files([line for lines in texts.values() for line in lines]).items()):
        try:
            ours.ask(f"load {number} {path}")
            for kind, lines in texts.items():
                ids = [token for encoding in opened(path).encode_batch_fast(lines) for token in encoding.ids]
                if list(map(int, ours.ask(f"ids {number} {kind}").split())) != ids:
                    raise RuntimeError(f"other ids for {kind}")
                best = [float("inf")] * 2
                for _ in range(given.rounds):
                    theirs = opened(path)
                    start = clock()
                    theirs.encode_batch_fast(lines)
                    best = [min(best[0], clock() - start), min(best[1], min(ours.numbers(f"run {number} {kind} {given.seconds}")) / 1e3)]
                say(f"{name}, {kind}: {best[0] / best[1]:.1f}")
                yield {"file": name, "texts": kind, "tokens": len(ids), "mb": round(sizes[kind], 3),
                       "ours_mb_s": round(sizes[kind] / best[1], 2), "theirs_mb_s": round(sizes[kind] / best[0], 3)}
        except RuntimeError as why:  # named, and the others run
            say(f"{name} is left out: {why}")
    ours.end()


def table(lines):
    kinds = list(dict.fromkeys(line["texts"] for line in lines))
    out = [f"One thread of {processor()}, {datetime.date.today()}, one run of `bench/tokenizers`: the time of Hugging Face's `tokenizers`",
           "(`encode_batch_fast`, its fastest call) over that of `encode_into`, same ids, the least of the passes" +
           (", time of the processor." if given.cpu_time else "."), "",
           "| file | " + " | ".join(kinds) + " |", "| --- |" + " --- |" * len(kinds)]
    for name in dict.fromkeys(line["file"] for line in lines):
        cells = {line["texts"]: f"{line['ours_mb_s'] / line['theirs_mb_s']:.0f}" for line in lines if line["file"] == name}
        out.append(f"| {name} | " + " | ".join(cells.get(kind, "") for kind in kinds) + " |")
    return "\n".join(out) + "\n"


def main():
    lines = []
    for line in measure():
        lines.append(line)
        if given.json:
            put(**line)
    if not given.json:
        write_table(ROOT / "docs/benchmarks.md", "bench/tokenizers", table(lines))


if __name__ == "__main__":
    main()
