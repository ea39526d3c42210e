// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/static_family.hpp.
#pragma once

#include <tessera/model/shape_facts.hpp>
#include <tessera/model/static_family.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<static_shape> static_family::read(const weights& file) {
  for (const published_name& rule : names) {
    const tensor_view* table = file.find(rule.theirs);
    if (table == nullptr) continue;
    if (table->shape.size() != 2 || table->shape[0] == 0 || table->shape[1] == 0)
      return fail({.code = error_code::mismatch,
                   .thing = std::string(table->name),
                   .wanted = "a table of one vector a token",
                   .found = shape_text(table->shape),
                   .path = std::string(table->file)});
    const tensor_view* rows = rule.rows.empty() ? nullptr : file.find(rule.rows);
    return static_shape{.vocabulary = rows == nullptr ? table->shape[0] : element_count(*rows), .width = table->shape[1]};
  }
  return fail({.code = error_code::not_found,
               .thing = "token vectors",
               .wanted = "embedding.weight or embeddings",
               .found = "neither",
               .path = file.path()});
}

TESSERA_INLINE encoder_description static_family::facts(const static_shape& shape) {
  encoder_description made;
  made.vocabulary = shape.vocabulary;
  made.width = shape.width;
  made.special_tokens = false;
  shape_facts facts;
  facts.spelled("vocabulary", shape.vocabulary);
  facts.spelled("width", shape.width);
  std::move(facts).into(made, "static_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
