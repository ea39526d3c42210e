// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/directory.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/model/directory.hpp>
#include <tessera/model/gguf_config.hpp>

#include <sys/stat.h>

#include <array>
#include <cmath>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct activation_name {
  std::string_view name;
  kernel::activation kind;
};
/// transformers' ACT2FN, and PyTorch's classes as dense modules name them (their last part).
inline constexpr std::array activation_names = {
    activation_name{"gelu", kernel::activation::gelu_erf},
    activation_name{"gelu_python", kernel::activation::gelu_erf},
    activation_name{"gelu_new", kernel::activation::gelu_tanh},
    activation_name{"gelu_fast", kernel::activation::gelu_tanh},
    activation_name{"gelu_pytorch_tanh", kernel::activation::gelu_tanh},
    activation_name{"gelu_accurate", kernel::activation::gelu_tanh},
    activation_name{"relu", kernel::activation::relu},
    activation_name{"silu", kernel::activation::silu},
    activation_name{"swish", kernel::activation::silu},
    activation_name{"tanh", kernel::activation::tanh},
    activation_name{"sigmoid", kernel::activation::sigmoid},
    activation_name{"linear", kernel::activation::none},
    activation_name{"Identity", kernel::activation::none},
    activation_name{"Tanh", kernel::activation::tanh},
    activation_name{"ReLU", kernel::activation::relu},
    activation_name{"GELU", kernel::activation::gelu_erf},
    activation_name{"SiLU", kernel::activation::silu},
    activation_name{"Sigmoid", kernel::activation::sigmoid},
};

[[nodiscard]] inline bool is_file(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// The last part of a dotted class name.
[[nodiscard]] inline std::string_view class_name(std::string_view type) noexcept {
  return type.substr(type.rfind('.') + 1);  // npos + 1 is 0
}

/// Error where a folder named by modules.json is not a plain path below the model's.
[[nodiscard]] inline result<> check_inside(json_value where, std::string_view folder) {
  bool inside = !folder.starts_with('/') && folder.find('\0') == std::string_view::npos && folder.find('\\') == std::string_view::npos;
  for (std::string_view rest = folder; inside && !rest.empty();) {
    const std::size_t slash = rest.find('/');
    inside = rest.substr(0, slash) != "..";
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  if (inside) return {};
  return fail(where.mismatch("a folder inside the model's", tessera::quoted(folder)));
}

[[nodiscard]] inline result<> read_pooling(model_directory& into, const std::string& path) {
  TESSERA_TRY(const json file, read_json(path));
  const json_value root = file.root();
  TESSERA_CHECK(root.expect(json_kind::object));
  for (const std::string_view key : {"word_embedding_dimension", "embedding_dimension"}) {
    TESSERA_TRY(const auto width, root.get_optional<std::size_t>(key));
    if (width) into.pooling_width = width;
  }
  TESSERA_TRY(into.pool_prompt, root.get_or<bool>("include_prompt", true));

  constexpr std::string_view known = "cls, mean, max, lasttoken or weightedmean";
  if (const auto spelled = root.find("pooling_mode"); spelled && !spelled->is_null()) {
    const auto list = spelled->elements();  // a list joins the vectors of its modes; one of one mode is that mode
    if (list && list->size() != 1)
      return fail(spelled->unsupported("one of " + std::string(known), std::to_string(list->size()) + " modes"));
    const json_value one = list ? *list->begin() : *spelled;
    TESSERA_TRY(const auto name, one.get<std::string_view>());
    into.pooling_mode = pooling_from_name(name);
    if (!into.pooling_mode) return fail(one.unsupported(std::string(known), tessera::quoted(name)));
    return {};
  }
  // One boolean a mode; as in sentence-transformers the mean where none of them is there.
  struct flag {
    std::string_view key;
    std::optional<pooling> mode;
  };
  constexpr std::array flags = {
      flag{"pooling_mode_cls_token", pooling::cls},
      flag{"pooling_mode_mean_tokens", pooling::mean},
      flag{"pooling_mode_max_tokens", pooling::max},
      flag{"pooling_mode_mean_sqrt_len_tokens", std::nullopt},
      flag{"pooling_mode_weightedmean_tokens", pooling::weighted_mean},
      flag{"pooling_mode_lasttoken", pooling::last_token},
  };
  std::size_t said = 0;
  std::size_t chosen = 0;
  std::string named;
  for (const flag& mode : flags) {
    TESSERA_TRY(const auto on, root.get_optional<bool>(mode.key));
    said += on ? 1U : 0U;
    if (!on || !*on) continue;
    ++chosen;
    into.pooling_mode = mode.mode;
    named += (named.empty() ? "" : ", ") + std::string(mode.key);
  }
  if (said == 0) {
    into.pooling_mode = pooling::mean;
    return {};
  }
  if (chosen != 1 || !into.pooling_mode)
    return fail(root.unsupported("exactly one pooling mode of " + std::string(known), named.empty() ? "none" : named));
  return {};
}

[[nodiscard]] inline result<> read_modules(model_directory& into, const std::string& path) {
  TESSERA_TRY(const json file, read_json(path));
  TESSERA_TRY(const json_elements modules, file.root().elements());
  into.has_modules = true;
  bool encoder = false;
  for (const json_value module : modules) {
    TESSERA_TRY(const auto type, module.get<std::string_view>("type"));
    TESSERA_TRY(const json_value folder_value, module.at("path"));
    TESSERA_TRY(std::string folder, folder_value.get<std::string>());
    TESSERA_CHECK(check_inside(folder_value, folder));
    const std::string_view kind = class_name(type);
    if (!encoder) {
      if (kind != "Transformer" && kind != "StaticEmbedding")
        return fail(module.unsupported("a Transformer or StaticEmbedding as the first module", tessera::quoted(type)));
      encoder = true;
      into.is_static = kind == "StaticEmbedding";
      if (into.is_static) into.pooling_mode = pooling::mean;  // its own part
      into.encoder_folder = std::move(folder);
    } else if (kind == "Pooling" && !into.pooling_mode) {
      TESSERA_CHECK(read_pooling(into, into.file(folder + "/config.json")));
    } else if (kind == "Dense" && into.pooling_mode && !into.normalize) {
      TESSERA_TRY(dense_head head, read_dense_head(into, std::move(folder)));
      into.dense.push_back(std::move(head));
    } else if (kind == "Normalize" && into.pooling_mode && !into.normalize) {
      into.normalize = true;
    } else {
      return fail(module.unsupported("Transformer and Pooling or StaticEmbedding, any number of Dense, then Normalize",
                                     tessera::quoted(type) + " at this place"));
    }
  }
  if (!encoder || !into.pooling_mode)
    return fail(file.root().unsupported("a Transformer and a Pooling module", std::to_string(modules.size()) + " modules without both"));
  std::size_t width = into.pooling_width.value_or(0);
  for (const dense_head& head : into.dense) {
    if (width != 0 && head.in != width)
      return fail({.code = error_code::mismatch,
                   .thing = "in_features",
                   .wanted = std::to_string(width) + " (what the module before gives)",
                   .found = std::to_string(head.in),
                   .path = into.file(head.folder + "/config.json")});
    width = head.out;
  }
  return {};
}

[[nodiscard]] inline result<> read_lengths(model_directory& into) {
  for (const std::string_view kind : {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"}) {
    const std::string path = into.encoder_file("sentence_" + std::string(kind) + "_config.json");
    if (!is_file(path)) continue;
    TESSERA_TRY(const json file, read_json(path));
    TESSERA_TRY(into.max_tokens, file.root().get_optional<std::size_t>("max_seq_length"));
    TESSERA_TRY(into.lower_case, file.root().get_or<bool>("do_lower_case", false));
    if (into.max_tokens == 0)
      return fail({.code = error_code::mismatch, .thing = "max_seq_length", .wanted = "at least 1", .found = "0", .path = path});
    break;
  }
  const std::string path = into.encoder_file("tokenizer_config.json");
  if (!is_file(path)) return {};
  TESSERA_TRY(const json file, read_json(path));
  // Tokenizers without a limit say 1e30.
  TESSERA_TRY(const auto length, file.root().get_optional<double>("model_max_length"));
  if (length && *length < 1e9) {
    if (!(*length >= 1.0))
      return fail({.code = error_code::mismatch,
                   .thing = "model_max_length",
                   .wanted = "at least 1",
                   .found = std::to_string(*length),
                   .path = path});
    into.tokenizer_limit = static_cast<std::size_t>(*length);
  }
  return {};
}

[[nodiscard]] inline result<> read_prompts(model_directory& into, const std::string& path) {
  TESSERA_TRY(const json file, read_json(path));
  const json_value root = file.root();
  if (const auto prompts = root.find("prompts"); prompts && !prompts->is_null()) {
    TESSERA_TRY(const json_members members, prompts->members());
    for (const auto& [name, value] : members) {
      TESSERA_TRY(std::string text, value.get<std::string>());
      into.prompts.emplace_back(name, std::move(text));
    }
  }
  TESSERA_TRY(into.default_prompt, root.get_optional<std::string>("default_prompt_name"));
  if (!into.default_prompt) return {};
  for (const auto& [name, text] : into.prompts)
    if (name == *into.default_prompt) return {};
  return fail({.code = error_code::mismatch,
               .thing = "default_prompt_name",
               .wanted = "the name of one of the prompts",
               .found = tessera::quoted(*into.default_prompt),
               .path = path});
}

/// Tasks of a model with adapters: their names in the adapters' order, and the instructions of those that have one.
[[nodiscard]] inline result<> read_tasks(model_directory& into) {
  const json_value config = into.config->root();
  const auto names = config.find("lora_adaptations");
  if (!names || names->is_null()) return {};
  TESSERA_TRY(const json_elements list, names->elements());
  for (const json_value each : list) {
    TESSERA_TRY(std::string name, each.get<std::string>());
    for (const model_task& before : into.tasks)
      if (before.name == name) return fail(each.mismatch("names that differ", tessera::quoted(name) + " twice"));
    into.tasks.push_back({.name = std::move(name), .instruction = {}});
  }
  const auto instructions = config.find("task_instructions");
  if (!instructions || instructions->is_null()) return {};
  TESSERA_TRY(const json_members members, instructions->members());
  for (const auto& [name, value] : members) {
    TESSERA_TRY(std::string text, value.get<std::string>());
    for (model_task& task : into.tasks)
      if (task.name == name) task.instruction = std::move(text);
  }
  return {};
}

}  // namespace detail

TESSERA_INLINE std::optional<kernel::activation> activation_from_name(std::string_view name) noexcept {
  for (const auto& known : detail::activation_names)
    if (known.name == name) return known.kind;
  return std::nullopt;
}

TESSERA_INLINE std::string_view to_string(kernel::activation kind) noexcept {
  switch (kind) {
    case kernel::activation::none: return "identity";
    case kernel::activation::gelu_erf: return "gelu";
    case kernel::activation::gelu_tanh: return "gelu_tanh";
    case kernel::activation::relu: return "relu";
    case kernel::activation::silu: return "silu";
    case kernel::activation::tanh: return "tanh";
    case kernel::activation::sigmoid: return "sigmoid";
  }
  return "unknown";
}

TESSERA_INLINE std::string model_directory::file(std::string_view name) const {
  if (is_gguf) return path;
  return path + (path.ends_with('/') ? "" : "/") + std::string(name);
}
TESSERA_INLINE std::string model_directory::encoder_file(std::string_view name) const {
  return file(encoder_folder.empty() ? std::string(name) : encoder_folder + "/" + std::string(name));
}

TESSERA_INLINE result<> model_directory::choose_dense(std::size_t out) {
  if (dense.size() != 1 || dense.front().out == out) return {};
  std::string_view stem = dense.front().folder;
  while (stem.ends_with('/')) stem.remove_suffix(1);
  const std::string suffix = "_" + std::to_string(dense.front().out);
  if (stem.ends_with(suffix)) stem.remove_suffix(suffix.size());
  std::string beside = std::string(stem) + "_" + std::to_string(out);
  if (!detail::is_file(file(beside + "/config.json"))) return {};
  TESSERA_TRY(dense.front(), read_dense_head(*this, std::move(beside)));
  return {};
}

TESSERA_INLINE result<dense_head> read_dense_head(const model_directory& directory, std::string folder) {
  TESSERA_TRY(const json file, read_json(directory.file(folder + "/config.json")));
  const json_value root = file.root();
  dense_head head;
  TESSERA_TRY(head.in, root.get<std::size_t>("in_features"));
  TESSERA_TRY(head.out, root.get<std::size_t>("out_features"));
  TESSERA_TRY(head.bias, root.get_or<bool>("bias", true));
  TESSERA_TRY(const auto name, root.get_or<std::string_view>("activation_function", "torch.nn.modules.activation.Tanh"));
  TESSERA_TRY(const bool residual, root.get_or<bool>("use_residual", false));
  if (residual) return fail(root.unsupported("a dense module without use_residual", "one with it"));
  for (const std::string_view key : {"module_input_name", "module_output_name"}) {
    TESSERA_TRY(const auto what, root.get_optional<std::string_view>(key));
    if (what && *what != "sentence_embedding")
      return fail(root.unsupported(std::string(key) + " \"sentence_embedding\"", tessera::quoted(*what)));
  }
  const auto activation = activation_from_name(detail::class_name(name));
  if (!activation)
    return fail(root.unsupported("Identity, Tanh, ReLU, GELU, SiLU or Sigmoid as activation_function", tessera::quoted(name)));
  if (head.in == 0 || head.out == 0 || head.in > 1'000'000 || head.out > 1'000'000)
    return fail(root.mismatch("in_features and out_features of 1 to 1,000,000",
                              std::to_string(head.in) + " and " + std::to_string(head.out)));
  head.activation = *activation;
  head.folder = std::move(folder);
  return head;
}

TESSERA_INLINE result<model_directory> model_directory::read(std::string_view path) {
  model_directory into;
  into.path = path;
  if (path.ends_with(".gguf") && detail::is_file(into.path)) {
    TESSERA_CHECK(read_gguf_config(into));
    return into;
  }
  struct stat status {};
  if (into.path.find('\0') != std::string::npos || ::stat(into.path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return fail({.code = error_code::not_found, .thing = "model", .wanted = "a directory or a GGUF file",
                 .found = "none", .path = into.path});
  if (const std::string modules = into.file("modules.json"); detail::is_file(modules))
    TESSERA_CHECK(detail::read_modules(into, modules));
  if (const std::string config = into.encoder_file("config.json"); detail::is_file(config)) {
    TESSERA_TRY(into.config, read_json(config));
    TESSERA_CHECK(into.config->root().expect(json_kind::object));
    TESSERA_CHECK(detail::read_tasks(into));
  }
  TESSERA_CHECK(detail::read_lengths(into));
  if (const std::string prompts = into.file("config_sentence_transformers.json"); detail::is_file(prompts))
    TESSERA_CHECK(detail::read_prompts(into, prompts));
  return into;
}

}  // namespace tessera::inline TESSERA_ABI
