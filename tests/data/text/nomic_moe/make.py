#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the model beside it: a small nomic-embed-text-v2-moe of random weights, and what its definition gives for some ids.

The definition is the published one (arXiv:2502.07972; modeling_hf_nomic_bert.py of nomic-ai/nomic-bert-2048), written anew in NumPy and
computed in double precision: post-normalised layers, rotary positions by halves, erf-GELU; layers 1, 3, ... give each token to the experts
of its two highest router probabilities, which are not scaled to the sum 1; a bias that all experts share is added once.

    python3 make.py    # NumPy 2.4, safetensors 0.8
"""
import json
import math
import pathlib

import numpy as np
from safetensors.numpy import save_file

here = pathlib.Path(__file__).resolve().parent
VOCABULARY, WIDTH, LAYERS, HEADS, INNER, EXPERTS, USED, EPSILON, THETA = 90, 24, 4, 2, 40, 4, 2, 1e-3, 50.0
random = np.random.default_rng(20261121)
erf = np.vectorize(math.erf)


def tensor(*shape, scale=0.35):
    return random.normal(scale=scale, size=shape).astype(np.float32)


weights = {"embeddings.word_embeddings.weight": tensor(VOCABULARY, WIDTH), "embeddings.token_type_embeddings.weight": tensor(1, WIDTH)}
norms = ["emb_ln"]
for i in range(LAYERS):
    layer = f"encoder.layers.{i}."
    norms += [layer + "norm1", layer + "norm2"]
    weights[layer + "attn.Wqkv.weight"] = tensor(3 * WIDTH, WIDTH)
    weights[layer + "attn.Wqkv.bias"] = tensor(3 * WIDTH)
    weights[layer + "attn.out_proj.weight"] = tensor(WIDTH, WIDTH)
    weights[layer + "attn.out_proj.bias"] = tensor(WIDTH)
    if i % 2 == 1:
        weights[layer + "mlp.router.layer.weight"] = tensor(EXPERTS, WIDTH)
        weights[layer + "mlp.experts.mlp.w1"] = tensor(EXPERTS * INNER, WIDTH)
        weights[layer + "mlp.experts.mlp.w2"] = tensor(EXPERTS * INNER, WIDTH)
        weights[layer + "mlp.experts.bias"] = tensor(WIDTH)
    else:
        weights[layer + "mlp.fc1.weight"] = tensor(INNER, WIDTH)
        weights[layer + "mlp.fc1.bias"] = tensor(INNER)
        weights[layer + "mlp.fc2.weight"] = tensor(WIDTH, INNER)
        weights[layer + "mlp.fc2.bias"] = tensor(WIDTH)
for name in norms:
    weights[name + ".weight"] = 1 + tensor(WIDTH, scale=0.2)
    weights[name + ".bias"] = tensor(WIDTH)
save_file(weights, here / "model.safetensors", {"format": "pt"})
exact = {name: value.astype(np.float64) for name, value in weights.items()}


def linear(x, name):
    return x @ exact[name + ".weight"].T + exact[name + ".bias"]


def norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * exact[name + ".weight"] + exact[name + ".bias"]


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rotated(x):
    """[tokens, heads, head width]: halves of a head are the two parts of its complex numbers."""
    half = x.shape[-1] // 2
    angle = np.arange(x.shape[0])[:, None] * THETA ** (-2 * np.arange(half) / x.shape[-1])
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * c - b * s, b * c + a * s], -1)


def attention(x, name):
    query, key, value = linear(x, name + "Wqkv").reshape(len(x), 3, HEADS, WIDTH // HEADS).transpose(1, 0, 2, 3)
    scores = np.einsum("qhd,khd->hqk", rotated(query), rotated(key)) / math.sqrt(WIDTH // HEADS)
    return linear(np.einsum("hqk,khd->qhd", softmax(scores), value).reshape(len(x), WIDTH), name + "out_proj")


def experts(x, name):
    share = softmax(x @ exact[name + "router.layer.weight"].T)
    up = exact[name + "experts.mlp.w1"].reshape(EXPERTS, INNER, WIDTH)
    down = exact[name + "experts.mlp.w2"].reshape(EXPERTS, INNER, WIDTH)
    out = np.empty_like(x)
    margins = []
    for t, token in enumerate(x):
        order = np.argsort(-share[t], kind="stable")
        margins.append(share[t][order[USED - 1]] - share[t][order[USED]])
        out[t] = sum(share[t][e] * (gelu(up[e] @ token) @ down[e]) for e in order[:USED]) + exact[name + "experts.bias"]
    return out, min(margins)


def run(ids):
    x = norm(exact["embeddings.word_embeddings.weight"][ids] + exact["embeddings.token_type_embeddings.weight"][0], "emb_ln")
    least = 1.0
    for i in range(LAYERS):
        layer = f"encoder.layers.{i}."
        x = norm(x + attention(x, layer + "attn."), layer + "norm1")
        if i % 2 == 1:
            y, margin = experts(x, layer + "mlp.")
            least = min(least, margin)
        else:
            y = linear(gelu(linear(x, layer + "mlp.fc1")), layer + "mlp.fc2")
        x = norm(x + y, layer + "norm2")
    return x, least


lengths = [9, 1, 14, 5]
ids = np.zeros((len(lengths), max(lengths)), np.int64)
mask = np.zeros_like(ids)
states = np.zeros((*ids.shape, WIDTH))
pooled = np.zeros((len(lengths), WIDTH))
for row, length in enumerate(lengths):
    margin = 0.0
    while margin < 2e-3:  # so that float32 cannot choose other experts
        ids[row, :length] = random.integers(2, VOCABULARY, length)
        states[row, :length], margin = run(ids[row, :length])
    mask[row, :length] = 1
    pooled[row] = states[row, :length].mean(0)
unit = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
save_file({"input_ids": ids, "attention_mask": mask, "last_hidden_state": states.astype(np.float32),
           "pooled_mean": pooled.astype(np.float32), "pooled_mean_norm": unit.astype(np.float32)}, here / "expected.safetensors")

config = {"model_type": "nomic_bert", "architectures": ["NomicBertModel"], "vocab_size": VOCABULARY, "n_embd": WIDTH, "n_layer": LAYERS,
          "n_head": HEADS, "n_inner": INNER, "n_positions": 32, "type_vocab_size": 1, "layer_norm_epsilon": EPSILON,
          "rotary_emb_base": THETA, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None,
          "rotary_scaling_factor": None, "activation_function": "gelu", "causal": False, "prenorm": False, "parallel_block": False,
          "qkv_proj_bias": True, "mlp_fc1_bias": True, "mlp_fc2_bias": True, "num_experts": EXPERTS, "moe_top_k": USED,
          "moe_every_n_layers": 2, "moe_normalize_expert_weights": False, "num_shared_experts": 0, "expert_choice_router": False,
          "use_rms_norm": None, "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
(here / "config.json").write_text(json.dumps(config, indent=1) + "\n")
modules = [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
           for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])]
(here / "modules.json").write_text(json.dumps(modules, indent=1) + "\n")
(here / "1_Pooling").mkdir(exist_ok=True)
(here / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True}) + "\n")
