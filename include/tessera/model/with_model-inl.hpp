// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/with_model.hpp.
#pragma once

#include <tessera/model/loader-inl.hpp>
#include <tessera/model/with_model.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// "minilm_l6 (bert, 384 dimensions)".
[[nodiscard]] inline std::string registered_name(const registered_model& model, const model_description& type) {
  std::string kind(type.encoder.family.empty() ? "no published family" : type.encoder.family);
  if (type.rerank) return kind + " reranker";
  return std::string(model.label) + " (" + kind + ", " + std::to_string(type.dimension) + " dimensions)";
}

/// What the directory's files are, or why that is not known.
class described_directory {
 public:
  [[nodiscard]] static result<described_directory> read(std::string_view path, const load_options& options) {
    TESSERA_TRY(model_directory files, model_directory::read(path));
    described_directory made(std::move(files), options);
    return made;
  }

  /// What differs from a type; nothing where it fits.
  [[nodiscard]] result<std::vector<error>> differences(const model_description& wanted) const {
    const bool other_head = wanted.dense.size() == 1 && files_.dense.size() == 1 && files_.dense.front().out != wanted.dense.front().out;
    if (!other_head) return compare_with(files_, found_, wanted);
    TESSERA_TRY(const model_directory chosen, read_directory_for(files_.path, wanted));
    return compare_with(chosen, describe(chosen, options_->weights), wanted);
  }
  /// The type of the directory, as it is written in C++.
  [[nodiscard]] result<std::string> type() const {
    TESSERA_TRY(const model_description& found, found_);
    const std::string_view path = std::string_view(files_.path).substr(0, files_.path.find_last_not_of('/') + 1);
    return type_text(found, path.substr(path.find_last_of('/') + 1));
  }

 private:
  described_directory(model_directory files, const load_options& options)
      : options_(&options), files_(std::move(files)), found_(describe(files_, options.weights)) {}

  [[nodiscard]] result<std::vector<error>> compare_with(const model_directory& files, const result<model_description>& found,
                                                        const model_description& wanted) const {
    if (!wanted.encoder.family.empty()) {
      if (!found) return fail(found.error());
      return compare(wanted, *found, files);
    }
    // A type without a family is known by its tensors alone.
    model_description modules;
    modules.encoder.width = wanted.encoder.width;
    modules.encoder.positions = wanted.encoder.positions;
    TESSERA_CHECK(describe_modules(files, modules));
    std::vector<error> all = compare(wanted, modules, files);
    TESSERA_TRY(const published_tensors tensors, published_tensors::open(files, wanted, options_->weights));
    for (error& difference : tensors.compare(wanted.manifest())) all.push_back(std::move(difference));
    return all;
  }

  const load_options* options_;
  model_directory files_;
  result<model_description> found_;
};

TESSERA_INLINE result<std::size_t> choose_model(std::string_view directory, std::span<const registered_model> registry,
                                                const load_options& options) {
  TESSERA_TRY(const described_directory files, described_directory::read(directory, options));
  std::vector<error> others;
  std::string names;
  for (std::size_t i = 0; i < registry.size(); ++i) {
    const model_description type = registry[i].description();
    auto differences = files.differences(type);
    if (differences && differences->empty()) return i;
    error other{.code = error_code::mismatch, .thing = registered_name(registry[i], type)};
    names += (i == 0 ? "" : ", ") + other.thing;
    // The first difference says why; the others of a type that was not meant would only be long.
    if (!differences) other.causes.push_back(std::move(differences).error());
    else other.causes.push_back(std::move(differences->front()));
    others.push_back(std::move(other));
  }
  auto type = files.type();
  if (!type)
    return fail({.code = type.error().code,
                 .thing = "model",
                 .wanted = "one of " + names,
                 .path = std::string(directory),
                 .causes = {std::move(type).error()}});
  return fail({.code = error_code::mismatch,
               .thing = "model",
               .wanted = "one of " + names,
               .found = *std::move(type),
               .path = std::string(directory),
               .causes = std::move(others)});
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
