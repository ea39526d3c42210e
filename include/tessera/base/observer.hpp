// SPDX-License-Identifier: Apache-2.0
/// The one callback through which the library reports what it does: progress, counters and rejected input, never print or log.
///
///     ts::load_options options;
///     options.observer = [](const ts::event& e) { std::cerr << e.what << ' ' << e.done << '/' << e.total << '\n'; };
///
/// Called from whichever thread does the work, never while a lock is held; it must not throw.
#pragma once

#include <tessera/base/config.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

enum class event_kind : std::uint8_t {
  progress,  ///< `done` of `total` units of `what` are finished
  counter,   ///< `what` has happened `done` times in this call
  slow,      ///< `what` took `done` milliseconds
  rejected,  ///< input number `done` of `total` was refused; `what` says why
};

struct event {
  event_kind kind = event_kind::progress;
  std::string_view what;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

using observer = std::function<void(const event&)>;

/// Reports to an observer that may be empty.
inline void notify(const observer& listener, const event& what) {
  if (listener) listener(what);
}

}  // namespace tessera::inline TESSERA_ABI
