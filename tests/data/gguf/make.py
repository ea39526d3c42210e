#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files beside it with ggml's own Python package (PyPI: gguf 0.19.0; numpy 2.4.6, safetensors 0.8.0).

    blocks.gguf                     a tensor [3, 256] of random bytes in each block format; scales are numbers, one of them subnormal
    blocks.expected.safetensors     f32: what the package reads from them
    names.json                      what llama.cpp calls the tensors of published models, by the model's directory in the fixtures
    model.gguf                      such metadata, and three small tensors
    metadata.json                   what its conversion writes of their config.json: {directory: {key: [type, value]}}
"""
import json
import pathlib
import re
import sys

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, MODEL_ARCH, GGMLQuantizationType as Q
from safetensors import safe_open
from safetensors.numpy import save_file

here = pathlib.Path(__file__).resolve().parent
fixtures = pathlib.Path(sys.argv[1])  # .../fixtures/text


def directory_of(folder):
    return next(each / folder for each in (fixtures, here.parent / "text") if (each / folder).exists())



random = np.random.default_rng(20261121)
scales = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
writer = gguf.GGUFWriter(here / "blocks.gguf", "bert")
expected = {}
for kind, places in scales.items():
    elements, size = GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (3 * 256 // elements, size), dtype=np.uint8)
    for place in places:
        scale = random.normal(size=len(data)).astype(np.float16)
        scale[0] = np.float16(6e-8)
        data[:, place:place + 2] = scale.view(np.uint8).reshape(-1, 2)
    data = data.reshape(3, -1)
    writer.add_tensor(kind.name, data, raw_dtype=kind)
    expected[kind.name] = gguf.dequantize(data, kind).reshape(3, 256)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(expected, here / "blocks.expected.safetensors")

architectures = {"bert_cls": MODEL_ARCH.BERT, "roberta": MODEL_ARCH.BERT, "xlm_roberta": MODEL_ARCH.BERT,
                 "reranker_xlm_roberta": MODEL_ARCH.BERT, "jina_v3": MODEL_ARCH.JINA_BERT_V3,
                 "reranker_modernbert": MODEL_ARCH.MODERN_BERT, "qwen3_reranker": MODEL_ARCH.QWEN3,
                 "nomic_bert": MODEL_ARCH.NOMIC_BERT, "nomic_moe": MODEL_ARCH.NOMIC_BERT_MOE, "reranker_bert": MODEL_ARCH.BERT,
                 "modernbert": MODEL_ARCH.MODERN_BERT,
                 "qwen2_causal": MODEL_ARCH.QWEN2, "qwen3_embed": MODEL_ARCH.QWEN3, "embedding_gemma": MODEL_ARCH.GEMMA_EMBEDDING}
names = {}
for folder, architecture in architectures.items():
    mapped = gguf.get_tensor_name_map(architecture, 99)
    found = {}
    with safe_open(directory_of(folder) / "model.safetensors", "np") as file:
        for name in file.keys():
            stem, _, kind = name.removesuffix(".original").replace(".parametrizations", "").rpartition(".")
            if architecture == MODEL_ARCH.MODERN_BERT:  # as its conversion renames them
                stem_there = "classifier.out_proj" if stem == "classifier" else stem.removeprefix("model.")
            else:
                stem_there = stem.removeprefix("bert.").removeprefix("roberta.")
            if folder == "reranker_bert":  # its conversion drops the pooler, whose place the reader of such files knows
                stem_there = {"pooler.dense": "classifier", "classifier": "classifier.out_proj"}.get(stem_there, stem_there)
            if folder == "nomic_moe" and kind in ("w1", "w2"):  # renamed so by its conversion, which drops the bias
                stem, stem_there = stem + "." + kind, stem_there + "." + kind
            if theirs := mapped.get_name(stem_there):
                found[re.sub(r"\.\d+\.", ".{}.", stem)] = re.sub(r"\.\d+\.", ".{}.", theirs)
    names[folder] = found
(here / "names.json").write_text(json.dumps(names, indent=1, sort_keys=True) + "\n")

metadata = {}
for folder, architecture in architectures.items():
    config = json.loads((directory_of(folder) / "config.json").read_text())
    if folder in ("bert_cls", "embedding_gemma", "reranker_bert"):  # their files cannot say the activation, and the scale of the scores
        continue
    get = lambda *keys: next((config[key] for key in keys if config.get(key) is not None), None)
    writer = gguf.GGUFWriter(here / "unused.gguf", gguf.MODEL_ARCH_NAMES[architecture])
    padded = architecture in (MODEL_ARCH.BERT, MODEL_ARCH.JINA_BERT_V3)
    positions = get("max_position_embeddings", "n_positions")
    if architecture in (MODEL_ARCH.NOMIC_BERT, MODEL_ARCH.NOMIC_BERT_MOE):
        positions = positions // 4  # as the conversion has it for the published models
    writer.add_context_length(positions - (config["pad_token_id"] + 1 if padded else 0))
    writer.add_block_count(get("num_hidden_layers", "n_layer"))
    writer.add_embedding_length(get("hidden_size", "n_embd"))
    writer.add_feed_forward_length(get("intermediate_size", "n_inner"))
    writer.add_head_count(get("num_attention_heads", "n_head"))
    if heads := get("num_key_value_heads"):
        writer.add_head_count_kv(heads)
    if width := get("head_dim"):
        writer.add_key_length(width)
    if (epsilon := get("layer_norm_eps", "layer_norm_epsilon", "norm_eps")) is not None:
        writer.add_layer_norm_eps(epsilon)
    if (epsilon := get("rms_norm_eps")) is not None:
        writer.add_layer_norm_rms_eps(epsilon)
    if base := get("rope_theta", "rotary_emb_base", "global_rope_theta"):
        writer.add_rope_freq_base(base)
    if base := get("local_rope_theta"):
        writer.add_rope_freq_base_swa(base)
    if window := get("local_attention"):
        writer.add_sliding_window(window)
    if every := get("global_attn_every_n_layers"):
        writer.add_sliding_window_pattern(every)
    if architecture not in (MODEL_ARCH.QWEN2, MODEL_ARCH.QWEN3):
        writer.add_causal_attention(False)
    if experts := get("num_experts"):
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config["moe_top_k"])
        writer.add_moe_every_n_layers(config["moe_every_n_layers"])
    pooling = directory_of(folder) / "1_Pooling/config.json"
    if pooling.exists():
        said = json.loads(pooling.read_text())
        writer.add_pooling_type(gguf.PoolingType.MEAN if said.get("pooling_mode_mean_tokens") else
                                gguf.PoolingType.CLS if said.get("pooling_mode_cls_token") else gguf.PoolingType.LAST)
    if folder == "qwen3_reranker":
        writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_tokenizer_model({"roberta": "gpt2", "nomic_bert": "bert"}.get(folder, "t5" if padded else "gpt2"))
    if config.get("pad_token_id") is not None:
        writer.add_pad_token_id(config["pad_token_id"])
    if folder == "reranker_xlm_roberta":  # a model without its layers, for the fuzzer
        writer.path = here / "model.gguf"
        for name in ("token_embd.weight", "token_types.weight", "cls.output.weight"):
            writer.add_tensor(name, np.zeros((2, 4), np.float32))
        writer.write_header_to_file(writer.path)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    kinds = {gguf.GGUFValueType.UINT32: "u32", gguf.GGUFValueType.FLOAT32: "f32", gguf.GGUFValueType.BOOL: "bool", gguf.GGUFValueType.STRING: "string"}
    metadata[folder] = {key: [kinds[value.type], value.value] for key, value in writer.kv_data[0].items()}
(here / "metadata.json").write_text(json.dumps(metadata, indent=1, sort_keys=True) + "\n")
