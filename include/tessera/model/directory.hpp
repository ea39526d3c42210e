// SPDX-License-Identifier: Apache-2.0
/// What a published model directory says besides its tensors: config.json, the sentence-transformers modules, lengths and prompts.
///
///     TESSERA_TRY(const auto directory, ts::model_directory::read("models/all-MiniLM-L6-v2"));
///     directory.pooling_mode;   // pooling::mean, from 1_Pooling/config.json in either spelling
///
/// | file                              | what is taken from it                                            |
/// | --------------------------------- | ---------------------------------------------------------------- |
/// | config.json                       | the architecture and its numbers; tasks: lora_adaptations, task_instructions |
/// | modules.json                      | which modules follow the encoder, and in which folders; that it is a table of token vectors |
/// | N_Pooling/config.json             | pooling mode, its dimension, whether the prompt is pooled too    |
/// | N_Dense/config.json               | in, out, bias, activation of a dense head                        |
/// | sentence_bert_config.json         | max_seq_length, do_lower_case                                    |
/// | tokenizer_config.json             | model_max_length, where the former does not say                  |
/// | config_sentence_transformers.json | prompts by name, the default prompt                              |
///
/// One GGUF file stands for a directory too: what it says is taken from its metadata (model/gguf_config.hpp).
///
/// Folders named by modules.json must lie inside the model's. Whatever asks for something unknown is an error, never skipped. Of a
/// directory with a dense head for each dimension (Stella: 2_Dense_256, 2_Dense_1024, ...) modules.json names one; `choose_dense` takes
/// another.
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/io/json.hpp>
#include <tessera/type/pooling.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// A dense module after pooling: out = act(W·in + b).
struct dense_head {
  std::string folder = {};  ///< inside the model's; holds model.safetensors with linear.weight and linear.bias
  std::size_t in = 0;
  std::size_t out = 0;
  bool bias = true;
  kernel::activation activation = kernel::activation::none;
};

/// What a model with adapters calls a task: the adapter of that number, and the text that goes before the input.
struct model_task {
  std::string name;
  std::string instruction;
};

struct model_directory {
  std::string path;
  bool is_gguf = false;                      ///< `path` is a GGUF file, which has config, tokenizer and weights
  std::optional<json> config;                ///< nothing where there is no config.json
  bool has_modules = false;                  ///< modules.json is there; without it the next six say nothing
  bool is_static = false;                    ///< the encoder is a table of token vectors, which needs no config.json
  std::string encoder_folder;                ///< where modules.json puts the encoder's config and weights; mostly ""
  std::optional<pooling> pooling_mode;
  std::optional<std::size_t> pooling_width;  ///< the dimension that the pooling file states
  std::vector<dense_head> dense;
  bool normalize = false;
  bool pool_prompt = true;                   ///< false: the tokens of the prompt are left out of the pooling
  std::optional<std::size_t> max_tokens;       ///< max_seq_length: longest text in tokens, special ones included
  std::optional<std::size_t> tokenizer_limit;  ///< model_max_length, where the tokenizer has one
  bool lower_case = false;                   ///< texts are lower-cased before they reach the tokenizer
  std::vector<std::pair<std::string, std::string>> prompts;  ///< name, text put before the input
  std::optional<std::string> default_prompt;                 ///< name of the prompt used where the caller names none

  std::vector<model_task> tasks;                             ///< by the number of their adapter

  /// Reads all of it. Errors: not_found (no directory and no GGUF file), malformed, mismatch, unsupported, io; each names its file.
  [[nodiscard]] static result<model_directory> read(std::string_view path);
  /// Where modules.json names one dense head of another size than `out`, takes the one that lies beside it instead: 2_Dense_<out> for
  /// 2_Dense or 2_Dense_<other>. Nothing changes where there is none. Errors: malformed, mismatch, unsupported, io.
  [[nodiscard]] result<> choose_dense(std::size_t out);
  /// `path/name`; of a GGUF file the file itself.
  [[nodiscard]] std::string file(std::string_view name) const;
  /// `path/encoder_folder/name`.
  [[nodiscard]] std::string encoder_file(std::string_view name) const;
};

/// The dense module in a folder of a directory. Errors: malformed, mismatch, unsupported, io.
[[nodiscard]] result<dense_head> read_dense_head(const model_directory& directory, std::string folder);
/// The kernel for a Hugging Face activation name ("gelu", "gelu_new", ...) or a PyTorch class ("torch.nn.modules.activation.Tanh").
[[nodiscard]] std::optional<kernel::activation> activation_from_name(std::string_view name) noexcept;
/// The stage of graph/activation.hpp, as written in C++.
[[nodiscard]] std::string_view to_string(kernel::activation kind) noexcept;

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/directory-inl.hpp>
#endif
