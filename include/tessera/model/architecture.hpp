// SPDX-License-Identifier: Apache-2.0
/// How a model type says where its files come from: the family whose names and settings they use, and the precision of the weights.
///
/// A family is a struct with `shape`, `names`, `prefixes`, `reads`, `read`, `facts`, `describe` (see model/bert_family.hpp), and `gguf`
/// where llama.cpp has names for it. A model without `published_by` reads Tessera's own tensor names and takes its settings from its type
/// alone.
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/graph/linear.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// One rule of a naming table: a prefix of Tessera's name and what published files have in its place; {} is a number. Of several rules
/// that fit, the first whose tensor exists counts. Packed tensors hold `parts` tensors of one shape one under the other: `part` is meant.
/// A table that is looked up in has as row i the published row `rows`[i], times `factors`[i], where tensors of these names exist. `more` is
/// what published numbers exceed Tessera's by. Of a `cut` position table the rows before the first text position are not published. A
/// `stack` is published as [matrices, rows, columns], and Tessera's is these matrices, or what they are turned, one under the other.
struct published_name {
  enum class stack_form : unsigned char { none, upright, turned };

  std::string_view ours;
  std::string_view theirs;
  std::size_t part = 0;
  std::size_t parts = 1;
  std::string_view rows = {};
  std::string_view factors = {};
  float more = 0.0f;
  bool cut = false;
  stack_form stack = stack_form::none;
};

/// In a model's list of stages: files are those of Family with this shape.
template <class Family, auto Shape>
struct published_by {
  using family = Family;
  static constexpr auto shape = Shape;
};

/// The family of a model that says nothing: Tessera's own tensor names, no config.json.
struct no_family {
  static constexpr std::string_view label = "";
};

/// In a model's list of stages: weights are held in this precision. f32 where nothing is said.
template <class Precision>
struct stored_as {
  using precision = Precision;
};

/// The activation stage of a kernel's enumerator.
template <kernel::activation Kind>
struct activation_of {
  static constexpr auto kernel = Kind;
};

}  // namespace tessera::inline TESSERA_ABI
