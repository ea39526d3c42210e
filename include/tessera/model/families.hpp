// SPDX-License-Identifier: Apache-2.0
/// The architectures that are recognised in published directories, and what a directory of one of them describes.
///
///     TESSERA_TRY(const auto directory, ts::model_directory::read(path));
///     TESSERA_TRY(const auto model, ts::describe(directory));
///     std::cout << ts::type_text(model, "my_model");
#pragma once

#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

struct family_entry {
  std::string_view label;
  bool (*reads)(std::string_view model_type, json_value config);
  result<encoder_description> (*describe)(json_value config);
};

/// All families of this library.
[[nodiscard]] std::span<const family_entry> families() noexcept;
/// The family that reads a config.json of this `model_type`, or null.
[[nodiscard]] const family_entry* find_family(std::string_view model_type, json_value config);

/// What a directory's files describe. The weights, in `weights_path` where it is not empty, are looked at only where no config.json has the
/// sizes (static models). Errors: those of config.json, all of them in one; unsupported, naming the model_type; those of weights::open.
[[nodiscard]] result<model_description> describe(const model_directory& directory, std::string_view weights_path = {});

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/families-inl.hpp>
#endif
