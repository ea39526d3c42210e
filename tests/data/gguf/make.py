#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files beside it with ggml's own Python package (PyPI: gguf 0.19.0; numpy 2.4.6, safetensors 0.8.0).

    blocks.gguf                     a tensor [3, 256] of random bytes in each block format; scales are numbers, one of them subnormal
    blocks.expected.safetensors     f32: what the package reads from them
    names.json                      what llama.cpp calls the tensors of published models, by the model's directory in the fixtures
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

architectures = {"bert_cls": MODEL_ARCH.BERT, "nomic_bert": MODEL_ARCH.NOMIC_BERT, "modernbert": MODEL_ARCH.MODERN_BERT,
                 "qwen2_causal": MODEL_ARCH.QWEN2, "qwen3_embed": MODEL_ARCH.QWEN3, "embedding_gemma": MODEL_ARCH.GEMMA_EMBEDDING}
names = {}
for folder, architecture in architectures.items():
    mapped = gguf.get_tensor_name_map(architecture, 99)
    found = {}
    with safe_open(fixtures / folder / "model.safetensors", "np") as file:
        for name in file.keys():
            stem, _, kind = name.rpartition(".")
            if theirs := mapped.get_name(stem.removeprefix("bert.")):
                found[re.sub(r"\.\d+\.", ".{}.", stem)] = re.sub(r"\.\d+\.", ".{}.", theirs)
    names[folder] = found
(here / "names.json").write_text(json.dumps(names, indent=1, sort_keys=True) + "\n")
