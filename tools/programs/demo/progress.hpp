// SPDX-License-Identifier: Apache-2.0
/// A progress bar on stderr: rewritten in place where a person looks on, a line now and then where a file does.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace demo {

using steady = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// "9 s", "2 min 05 s".
[[nodiscard]] inline std::string duration_text(double seconds) {
  char text[48];
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) std::snprintf(text, sizeof text, "%ld s", whole);
  else std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
  return text;
}

class progress {
 public:
  /// `done` of `total` are there already.
  progress(std::uint64_t done, std::uint64_t total)
      : first_(done), total_(total), live_(::isatty(STDERR_FILENO) == 1), begin_(steady::now()), shown_(begin_) {}

  void update(std::uint64_t done) {
    done_ = done;
    const double every = live_ ? 0.2 : 15.0;
    const bool last = done == total_;
    if (!last && seconds_since(shown_) < every) return;
    shown_ = steady::now();
    const double left = rate() > 0.0 ? static_cast<double>(total_ - done) / rate() : 0.0;
    const auto percent = static_cast<int>(100 * done / total_);
    std::string bar;
    if (live_) {
      bar.assign(static_cast<std::size_t>(percent) * 30 / 100, '#');
      bar.resize(30, '.');
      bar = "[" + bar + "] ";
    }
    std::fprintf(stderr, "%s  %s%3d %%  %llu of %llu texts, %.0f a second, %s left%s", live_ ? "\r" : "", bar.c_str(), percent,
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(total_), rate(), duration_text(left).c_str(),
                 live_ && !last ? "   " : "   \n");
    std::fflush(stderr);
  }
  /// Ends a line that is being rewritten.
  void stop() const {
    if (live_ && done_ != total_) std::fputc('\n', stderr);
  }

  [[nodiscard]] double seconds() const { return seconds_since(begin_); }
  [[nodiscard]] double rate() const { return static_cast<double>(done_ - first_) / std::max(seconds(), 1e-9); }

 private:
  std::uint64_t first_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  bool live_;
  steady::time_point begin_;
  steady::time_point shown_;
};

}  // namespace demo
