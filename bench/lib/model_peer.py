# SPDX-License-Identifier: Apache-2.0
"""A peer of bench/models and bench/large-model with the commands of bench/programs/models.cpp: model_peer.py KIND DIRECTORY THREADS [cpu].

KIND torch-f32 or torch-bf16 is transformers with scaled dot-product attention, pooled as the directory says; bf16 and q8_0 are llama.cpp with
a GGUF file of the same weights, made once, and the last token's state."""
import json
import os
import sys
import time

kind, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
clock = time.process_time if "cpu" in sys.argv[4:] else time.perf_counter


def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024


def torch_runner():
    import torch
    from transformers import AutoModel

    torch.set_num_threads(threads)
    begin, before = clock(), status("VmRSS")
    dtype = torch.float32 if kind == "torch-f32" else torch.bfloat16
    model = AutoModel.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()
    pooling = json.load(open(folder + "/1_Pooling/config.json"))
    heads = []
    for name in ("2_Dense", "3_Dense"):
        if os.path.exists(f"{folder}/{name}"):
            from safetensors.torch import load_file

            heads.append(load_file(f"{folder}/{name}/model.safetensors")["linear.weight"].to(dtype))
    # Its weights lie in the mapped file: reading all of them once is part of being ready.
    with torch.inference_mode():
        for parameter in model.parameters():
            parameter.float().sum()
    report(begin, before)

    def run(rows):
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.int64)
        mask = torch.zeros(len(rows), width, dtype=torch.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        with torch.inference_mode():
            full = None if len(rows) == 1 else mask
            states = model(input_ids=ids, attention_mask=full, **({"use_cache": False} if pooling["pooling_mode_lasttoken"] else {})).last_hidden_state
            if pooling["pooling_mode_lasttoken"]:
                pooled = states[torch.arange(len(rows)), mask.sum(1) - 1]
            elif pooling["pooling_mode_cls_token"]:
                pooled = states[:, 0]
            else:
                pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            for head in heads:
                pooled = pooled.to(dtype) @ head.T
        return torch.nn.functional.normalize(pooled.float(), dim=1).numpy()
    return run


def write_gguf(path):
    """llama.cpp's names for the published tensors."""
    import gguf
    import numpy as np

    names = {"embed_tokens": "token_embd", "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "norm": "output_norm"}
    config = json.load(open(folder + "/config.json"))
    data = np.memmap(folder + "/model.safetensors", np.uint8, "r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + length].tobytes())
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_pooling_type(gguf.PoolingType.LAST)
    # Ready tokens only: any vocabulary of the right size serves.
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"t{i}" for i in range(config["vocab_size"])])
    writer.add_token_types([1] * config["vocab_size"])
    writer.add_token_merges(["t 0"])
    writer.add_eos_token_id(config["vocab_size"] - 1)
    quantized = kind == "q8_0"
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = np.frombuffer(data[8 + length + begin : 8 + length + end], np.uint16).reshape(entry["shape"])
        parts = name.split(".")
        layer = f"blk.{parts[1]}." if parts[0] == "layers" else ""
        theirs = layer + names[".".join(parts[2:-1] if layer else parts[:-1])] + "." + parts[-1]
        plain = (raw.astype(np.uint32) << 16).view(np.float32)
        if len(entry["shape"]) == 1:
            writer.add_tensor(theirs, plain)
        elif quantized:
            writer.add_tensor(theirs, gguf.quants.quantize(plain, gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(theirs, raw.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama_runner():
    import ctypes

    import llama_cpp
    import numpy as np

    path = f"{folder}/{kind}.gguf"
    if not os.path.exists(path):
        write_gguf(path)
    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    begin, before = clock(), status("VmRSS")
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx, settings.n_batch, settings.n_ubatch, settings.n_seq_max = 1024, 1024, 512, 16
    settings.n_threads = settings.n_threads_batch = threads
    settings.embeddings, settings.pooling_type, settings.kv_unified = True, llama_cpp.LLAMA_POOLING_TYPE_LAST, True
    context = llama_cpp.llama_init_from_model(model, settings)
    batch = llama_cpp.llama_batch_init(1024, 0, 1)
    report(begin, before)

    def run(rows):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        batch.n_tokens = 0
        for number, row in enumerate(rows):
            for i, token in enumerate(row):
                at = batch.n_tokens
                batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.seq_id[at][0] = token, i, 1, number
                batch.logits[at] = True
                batch.n_tokens += 1
        if llama_cpp.llama_decode(context, batch) != 0:
            raise RuntimeError("llama_decode")
        made = [np.ctypeslib.as_array(llama_cpp.llama_get_embeddings_seq(context, i), (1536,)).copy() for i in range(len(rows))]
        return np.array([row / np.linalg.norm(row) for row in made])
    return run


def report(begin, before):
    now = status("VmRSS")
    print("ready", clock() - begin, now, now - before, status("VmHWM"), flush=True)


def main():
    run = torch_runner() if kind.startswith("torch") else llama_runner()
    workloads = {}
    for line in sys.stdin:
        words = line.split()
        command, name = words[0], words[1]
        if command == "tokens":
            numbers, rows = list(map(int, words[3:])), []
            while numbers:
                rows.append(numbers[1 : 1 + numbers[0]])
                del numbers[: 1 + numbers[0]]
            workloads[name] = rows
            print("ok", flush=True)
        elif command == "vectors":
            print(" ".join(f"{x:.7g}" for x in run(workloads[name]).ravel()), flush=True)
        elif command == "run":
            times, begin = [], clock()
            while len(times) < 2 or clock() - begin < float(words[2]):
                start = clock()
                run(workloads[name])
                times.append((clock() - start) * 1e3)
            print(*times, flush=True)


if __name__ == "__main__":
    main()
