#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that convert_checkpoint writes, loaded by transformers: every tensor has its place, none is left over, and the states are the
fixture's golden ones.

    tests/model/checkpoint.py PROGRAM   has PROGRAM (test_model) write them

Needs torch and transformers (PyPI) in this Python, or in the one that bench/peers makes (.cache/peers); exit 77 where neither has them.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
try:
    import torch
    import transformers
    from safetensors.torch import load_file
except ImportError as missing:
    peers = pathlib.Path(os.environ.get("TESSERA_CACHE", ROOT / ".cache")) / "peers/env/bin/python"
    if peers.exists() and pathlib.Path(sys.prefix) != peers.parents[1]:
        os.execv(peers, [str(peers), *sys.argv])
    print(missing)
    sys.exit(77)

# Fixture that is read, type that is written, fixture whose golden states the file must give.
CASES = [(name, "F32", name) for name in (
    "bert_mean", "bert_cls", "roberta", "xlm_roberta", "gte_v5", "jina_v3_v5", "nomic_bert", "modernbert", "qwen2_causal", "qwen2_sliding",
    "qwen2_bidirectional", "qwen3_embed", "embedding_gemma", "reranker_bert", "reranker_xlm_roberta", "reranker_gte", "reranker_modernbert")]
CASES += [("bert_mean_sharded", "F32", "bert_mean"), ("onnx_bert_mean", "F32", "bert_mean"), ("bert_mean", "BF16", "bert_mean_bf16"),
          ("bert_mean", "F16", "bert_mean_fp16"), ("qwen3_embed", "BF16", "qwen3_embed_bf16"), ("qwen3_embed", "F16", "qwen3_embed_fp16")]
PLACES = ROOT / "tests/data/text", ROOT.parent / "shared/fixtures/text"


def fixture(name):
    return next((place / name for place in PLACES if (place / name).exists()), None)


def distance(folder, golden):
    """The largest difference from the golden states (of a reranker: logits) of the model in `folder`, loaded by transformers."""
    expected = load_file(golden / "expected.safetensors")
    judges = "logits" in expected
    config = transformers.AutoConfig.from_pretrained(folder)
    # Its pooler is no part of an embedding.
    more = {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta", "jina_embeddings_v3") and not judges else {}
    kind = transformers.AutoModelForSequenceClassification if judges else transformers.AutoModel
    model, said = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **more)
    wrong = {what: sorted(map(str, names)) for what, names in said.items() if names}
    assert not wrong, wrong
    given = {name: expected[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in expected}
    with torch.no_grad():
        made = model.eval()(**given)
    if judges:
        return (made.logits.flatten() - expected["logits"].flatten()).abs().max().item()
    return ((made.last_hidden_state - expected["last_hidden_state"]).abs() * given["attention_mask"][..., None]).max().item()


def main(program):
    cases = [case for case in CASES if fixture(case[0]) and fixture(case[2])]
    if not fixture("summary.json"):
        print("no fixtures beside the repository")
        sys.exit(77)
    tolerances = json.loads(fixture("summary.json").read_text())["cases"]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        lines = []
        for number, (name, dtype, golden) in enumerate(cases):
            folder = pathlib.Path(scratch) / str(number)
            folder.mkdir()
            config = fixture(golden) / "config_v5.json"
            shutil.copy(config if config.exists() else fixture(golden) / "config.json", folder / "config.json")
            weights = fixture(name) / "exported_legacy.onnx"
            lines.append(f"{dtype} {fixture(name)} {weights if weights.exists() else '-'} {folder}/model.safetensors\n")
        (pathlib.Path(scratch) / "list").write_text("".join(lines))
        subprocess.run([program, "[checkpoint_list]"], check=True, env={**os.environ, "TESSERA_CHECKPOINT_LIST": scratch + "/list"})
        for number, (name, dtype, golden) in enumerate(cases):
            try:
                far = distance(pathlib.Path(scratch) / str(number), fixture(golden))
                right = far <= tolerances[golden]["atol"]
                print(f"{name} as {dtype}: {far:.1e} from {golden}, at most {tolerances[golden]['atol']:.1e}", "" if right else "FAILED")
            except Exception as error:  # the others still run
                right = False
                print(f"{name} as {dtype}: FAILED: {error}")
            failed += not right
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(failed > 0 or not cases)


if __name__ == "__main__":
    main(sys.argv[1])
