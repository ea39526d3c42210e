// SPDX-License-Identifier: Apache-2.0
/// What a caller may ask of `encode`: what to do with empty and over-long texts, a prompt, a task, threads, limits, and a way to stop.
///
///     encoder.encode(texts, {.too_long = ts::on_too_long::windows, .prompt = "query", .threads = &pool});
#pragma once

#include <tessera/base/observer.hpp>
#include <tessera/base/threads.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <stop_token>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// An empty text: embedded as the reference does (its special tokens alone), or an error (invalid_text).
enum class on_empty : std::uint8_t { embed, refuse };

/// A text of more tokens than the model takes.
enum class on_too_long : std::uint8_t {
  truncate,  ///< the tokens beyond the limit are cut off, as the reference does
  windows,   ///< cut into windows of the limit; their vectors are averaged, each weighted by its tokens
  refuse,    ///< an error (too_long)
};

/// How a text is read. `embed_options` and `request_options` hold the same choices and explain them.
struct reading_options {
  on_empty empty = on_empty::embed;
  on_too_long too_long = on_too_long::truncate;
  std::optional<std::string_view> prompt = {};
  std::optional<std::string_view> task = {};
};

struct embed_options {
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  on_empty empty = on_empty::embed;
  on_too_long too_long = on_too_long::truncate;
  /// Name of a prompt of the model's configuration, put before every text; "" for none; unset: the model's default prompt, where it
  /// has one. An unknown name is an error that lists the known ones.
  std::optional<std::string_view> prompt = {};
  /// Name of a task of the model: its adapter, and its instruction before every text unless `prompt` says another. Unset: neither. An
  /// unknown name is an error that lists the known ones.
  std::optional<std::string_view> task = {};
  thread_pool* threads = nullptr;            ///< null: the calling thread alone
  std::size_t max_texts = unlimited;         ///< more texts in one call are an error (too_long)
  std::size_t max_bytes = unlimited;         ///< more bytes of text in one call are an error (too_long)
  std::size_t memory_budget = unlimited;     ///< bytes of workspace over all threads; too little for one text is an error (over_budget)
  std::stop_token stop = {};                 ///< asked between blocks; then the call ends with an error (stopped)
  observer listener = {};                    ///< progress in texts; slow calls
  std::chrono::milliseconds slow_after{0};   ///< calls that take longer are reported as `slow`; 0: none

  [[nodiscard]] reading_options reading() const noexcept {
    return {.empty = empty, .too_long = too_long, .prompt = prompt, .task = task};
  }
};

}  // namespace tessera::inline TESSERA_ABI
