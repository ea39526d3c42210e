// SPDX-License-Identifier: Apache-2.0
/// The tensors a graph expects, as a value: names, shapes and axes, folded from its stages at compile time.
///
///     for (const ts::tensor_entry& wanted : model::manifest())
///       std::cout << wanted.label() << wanted.shape_text();   // layers.0.attention.query.weight [384, 384]
///
/// The same description, run over sizes read from a config.json, lists what a directory's type expects without compiling it: each
/// stage describes itself once, to a `tensor_sink`. Names are Tessera's; an architecture maps published names to them.
#pragma once

#include <tessera/base/config.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// One tensor that a graph reads: row-major, the first size outermost; a linear layer's weight is [out, in].
struct tensor_entry {
  static constexpr std::size_t longest_name = 95;
  static constexpr std::size_t most_axes = 3;

  std::array<char, longest_name + 1> name{};
  std::array<std::size_t, most_axes> shape{};
  std::array<std::string_view, most_axes> axes{};
  std::size_t rank = 0;

  [[nodiscard]] constexpr std::string_view label() const noexcept { return {name.data()}; }
  [[nodiscard]] constexpr std::size_t size() const noexcept {
    std::size_t product = 1;
    for (std::size_t i = 0; i < rank; ++i) product *= shape[i];
    return product;
  }
  /// "[384, 1536]"
  [[nodiscard]] std::string shape_text() const {
    std::string text = "[";
    for (std::size_t i = 0; i < rank; ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
  }
};

/// A named size: {"out", 384}.
struct tensor_axis {
  std::string_view name;
  std::size_t size;
};

/// Receives the tensors of stages; `scope` prefixes names. Visitor is called with each finished tensor_entry.
template <class Visitor>
class tensor_sink {
 public:
  constexpr explicit tensor_sink(Visitor& visitor) noexcept : visitor_(&visitor) {}

  constexpr void tensor(std::string_view name, std::initializer_list<tensor_axis> axes) {
    tensor_entry entry = prefix_;
    append(entry, name);
    for (const tensor_axis& axis : axes) {
      entry.shape[entry.rank] = axis.size;
      entry.axes[entry.rank] = axis.name;
      ++entry.rank;
    }
    (*visitor_)(entry);
  }

  /// The same sink with "name." before every name.
  [[nodiscard]] constexpr tensor_sink scope(std::string_view name) const {
    tensor_sink inner = *this;
    append(inner.prefix_, name);
    append(inner.prefix_, ".");
    return inner;
  }
  [[nodiscard]] constexpr tensor_sink scope(std::string_view name, std::size_t index) const { return scope(name).scope(index); }
  [[nodiscard]] constexpr tensor_sink scope(std::size_t index) const {
    char digits[20]{};
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + index % 10);
      index /= 10;
    } while (index != 0);
    for (std::size_t i = 0; i < count / 2; ++i) {
      const char digit = digits[i];
      digits[i] = digits[count - 1 - i];
      digits[count - 1 - i] = digit;
    }
    return scope(std::string_view(digits, count));
  }

 private:
  static constexpr void append(tensor_entry& entry, std::string_view text) {
    std::size_t length = entry.label().size();
    for (const char c : text) {
      TESSERA_ASSERT(length < tensor_entry::longest_name);
      if (length < tensor_entry::longest_name) entry.name[length++] = c;
    }
  }

  Visitor* visitor_;
  tensor_entry prefix_{};
};

/// What a manifest adds up to. It is a sink too: it asks stages for sizes and builds no names, which is most of a manifest's compile time.
struct manifest_totals {
  std::size_t tensors = 0;
  std::size_t parameters = 0;
  std::size_t most_adapters = 0;   ///< that a tensor has
  std::size_t least_adapters = 0;  ///< that a tensor has which has any; 0 where none has

  class sink {
   public:
    constexpr explicit sink(manifest_totals& totals) noexcept : totals_(&totals) {}

    constexpr void tensor(std::string_view, std::initializer_list<tensor_axis> axes) {
      std::size_t product = 1;
      for (const tensor_axis& axis : axes) product *= axis.size;
      ++totals_->tensors;
      totals_->parameters += product;
      if (axes.begin()->name != "adapters") return;
      const std::size_t adapters = axes.begin()->size;
      if (totals_->most_adapters < adapters) totals_->most_adapters = adapters;
      if (totals_->least_adapters == 0 || totals_->least_adapters > adapters) totals_->least_adapters = adapters;
    }
    [[nodiscard]] constexpr sink scope(std::string_view) const { return *this; }
    [[nodiscard]] constexpr sink scope(std::size_t) const { return *this; }
    [[nodiscard]] constexpr sink scope(std::string_view, std::size_t) const { return *this; }

   private:
    manifest_totals* totals_;
  };
};

/// What stages have in common, described once for types and for sizes read from files.
namespace described {

template <class Sink>
constexpr void linear(Sink sink, std::size_t in, std::size_t out, bool bias = true) {
  sink.tensor("weight", {{"out", out}, {"in", in}});
  if (bias) sink.tensor("bias", {{"out", out}});
}

template <class Sink>
constexpr void norm(Sink sink, std::size_t width, bool bias = true) {
  sink.tensor("weight", {{"width", width}});
  if (bias) sink.tensor("bias", {{"width", width}});
}

/// Adapters of a map or table (graph/adapters.hpp); count 0: none.
struct adapter_sizes {
  std::size_t count = 0;
  std::size_t rank = 0;
};

/// The adapters of a linear map.
template <class Sink>
constexpr void adapters(Sink sink, adapter_sizes sizes, std::size_t in, std::size_t out) {
  if (sizes.count == 0) return;
  Sink inner = sink.scope("adapters");
  inner.tensor("a", {{"adapters", sizes.count}, {"rank", sizes.rank}, {"in", in}});
  inner.tensor("b", {{"adapters", sizes.count}, {"out", out}, {"rank", sizes.rank}});
}

template <class Sink>
constexpr void table(Sink sink, std::size_t rows, std::size_t width, adapter_sizes sizes = {}) {
  sink.tensor("weight", {{"rows", rows}, {"width", width}});
  if (sizes.count == 0) return;
  Sink inner = sink.scope("adapters");
  inner.tensor("a", {{"adapters", sizes.count}, {"rows", rows}, {"rank", sizes.rank}});
  inner.tensor("b", {{"adapters", sizes.count}, {"rank", sizes.rank}, {"width", width}});
}

/// Sizes of an attention; head_norm: queries and keys are normalised, head by head.
struct attention_sizes {
  std::size_t width;
  std::size_t query_width;
  std::size_t key_width;
  std::size_t head_width = 0;
  bool inner_bias = true;
  bool outer_bias = true;
  bool head_norm = false;
  adapter_sizes adapters = {};
};

template <class Sink>
constexpr void self_attention(Sink sink, const attention_sizes& sizes) {
  linear(sink.scope("query"), sizes.width, sizes.query_width, sizes.inner_bias);
  linear(sink.scope("key"), sizes.width, sizes.key_width, sizes.inner_bias);
  linear(sink.scope("value"), sizes.width, sizes.key_width, sizes.inner_bias);
  adapters(sink.scope("query_key_value"), sizes.adapters, sizes.width, sizes.query_width + 2 * sizes.key_width);
  if (sizes.head_norm) {
    norm(sink.scope("query_norm"), sizes.head_width, false);
    norm(sink.scope("key_norm"), sizes.head_width, false);
  }
  linear(sink.scope("output"), sizes.query_width, sizes.width, sizes.outer_bias);
  adapters(sink.scope("output"), sizes.adapters, sizes.query_width, sizes.width);
}

struct feed_forward_sizes {
  std::size_t width;
  std::size_t inner;
  bool gated = false;
  bool inner_bias = true;
  bool outer_bias = true;
  adapter_sizes adapters = {};
};

template <class Sink>
constexpr void feed_forward(Sink sink, const feed_forward_sizes& sizes) {
  if (sizes.gated) linear(sink.scope("gate"), sizes.width, sizes.inner, sizes.inner_bias);
  linear(sink.scope("up"), sizes.width, sizes.inner, sizes.inner_bias);
  adapters(sink.scope(sizes.gated ? "gate_up" : "up"), sizes.adapters, sizes.width, sizes.gated ? 2 * sizes.inner : sizes.inner);
  linear(sink.scope("down"), sizes.inner, sizes.width, sizes.outer_bias);
  adapters(sink.scope("down"), sizes.adapters, sizes.inner, sizes.width);
}

}  // namespace described

}  // namespace tessera::inline TESSERA_ABI
