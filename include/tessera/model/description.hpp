// SPDX-License-Identifier: Apache-2.0
/// What a model is, as a value: the numbers of its config.json, its tensors, and what follows the encoder.
///
/// A model type makes one of itself (`Model::description()`), a directory one of its files (`describe`, model/families.hpp). Loading
/// compares the two; inspecting a directory and printing the type that fits it need only the second. One list serves all.
#pragma once

#include <tessera/graph/manifest.hpp>
#include <tessera/model/architecture.hpp>
#include <tessera/model/directory.hpp>
#include <tessera/type/pooling.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Published names of one family: the table, the prefixes that a checkpoint may put before them, and the names in GGUF files. Empty:
/// Tessera's own names, and no GGUF files.
struct naming {
  std::span<const published_name> names;
  std::span<const std::string_view> prefixes;
  std::span<const published_name> gguf = {};

  struct candidate {
    std::string name;
    std::size_t part = 0;
    std::size_t parts = 1;
    std::string_view rows = {};
    std::string_view factors = {};
    float more = 0.0f;
    bool cut = false;
    published_name::stack_form stack = published_name::stack_form::none;
  };
  /// "layers.3.attention.query.weight" -> "encoder.layer.3.attention.self.query.weight", by every rule of the table that fits, in
  /// its order; the name itself where none does.
  [[nodiscard]] static std::vector<candidate> published(std::string_view ours, std::span<const published_name> table);
};

/// The names of a family: of one of its shapes, where they depend on it.
template <class Family>
[[nodiscard]] constexpr naming naming_of([[maybe_unused]] const typename Family::shape& shape) noexcept {
  naming made{.names = {}, .prefixes = Family::prefixes};
  if constexpr (requires { Family::names_of(shape); }) made.names = Family::names_of(shape);
  else made.names = Family::names;
  if constexpr (requires { Family::gguf; }) made.gguf = Family::gguf;
  return made;
}

/// One number of a config.json under its own name, as text: {"hidden_size", "384"}.
struct model_setting {
  std::string_view key;
  std::string value;
};

/// The encoder's part of a description.
struct encoder_description {
  std::string_view family;              ///< "bert"; empty for a type without published files
  naming names = {};
  std::vector<model_setting> settings = {};
  std::vector<tensor_entry> manifest = {};
  std::size_t vocabulary = 0;           ///< rows of the token table
  std::size_t positions = 0;            ///< longest text in tokens; 0: no limit
  std::size_t types = 0;                ///< token types; 0: none
  std::size_t adapters = 0;             ///< that a text may choose from; 0: none
  bool special_tokens = true;           ///< false: texts get none, and are not cut where no module says so
  std::size_t width = 0;                ///< of a token's state
  std::string shape = {};               ///< the family's shape as written in C++: "tessera::bert_shape{.layers = 6, ...}"
};

/// What turns a reranker's states into a score.
struct rerank_head {
  pooling pooling_mode = pooling::cls;
  kernel::activation activation = kernel::activation::tanh;
  bool bias = true;     ///< of the dense map before the classifier
  bool answers = false; ///< no classifier: the logits of two answers, yes and no, at the last token

  [[nodiscard]] constexpr bool operator==(const rerank_head&) const = default;
};

struct model_description {
  encoder_description encoder;
  std::optional<pooling> pooling_mode;  ///< nothing where a directory has no modules.json: the type decides
  std::vector<dense_head> dense;
  bool normalize = false;
  bool own_ending = false;              ///< a type that does more than modules.json lists, and scales to unit length itself
  std::size_t dimension = 0;            ///< of the vectors
  std::optional<rerank_head> rerank = {};  ///< of a reranker, which makes no vectors; its tensors are in the encoder's manifest

  /// The encoder's manifest and that of the heads: every tensor that is read.
  [[nodiscard]] std::vector<tensor_entry> manifest() const;
};

/// The type of a directory's model as C++ source: "tessera::bert<tessera::space<\"name\", 384, ...>, tessera::bert_shape{...}>".
/// `mode` is the pooling where the directory does not say, `weights` the label of the precision of the weights.
[[nodiscard]] std::string type_text(const model_description& model, std::string_view name, pooling mode = pooling::mean,
                                    std::string_view weights = f32::label);

/// One error for each difference between what a type wants and what a directory describes. `dimension`, pooling and heads are compared
/// where the directory has modules.json.
[[nodiscard]] std::vector<error> compare(const model_description& wanted, const model_description& found,
                                         const model_directory& directory);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/description-inl.hpp>
#endif
