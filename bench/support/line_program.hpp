// SPDX-License-Identifier: Apache-2.0
/// What the programs share that a script drives over a pipe, a line each way, so that rounds alternate with the peers'.
#pragma once

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include <time.h>

namespace tessera_bench {

/// Time that passes, or that all threads of this process have run: the latter tells more where other programs want the processor too.
struct clock_type {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock_type>;
  static inline bool of_process = false;

  [[nodiscard]] static time_point now() noexcept {
    timespec now{};
    ::clock_gettime(of_process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
  [[nodiscard]] static double seconds_since(time_point start) noexcept { return std::chrono::duration<double>(now() - start).count(); }
};

/// Milliseconds of each call of `what`, for about so many seconds and at least twice; `least` where that is more.
template <class What>
std::string time_of(double seconds, const What& what, double least = 0.0) {
  std::ostringstream out;
  const auto begin = clock_type::now();
  for (int calls = 0; calls < 2 || clock_type::seconds_since(begin) < seconds; ++calls) {
    const auto start = clock_type::now();
    what();
    out << (calls == 0 ? "" : " ") << std::max(clock_type::seconds_since(start) * 1e3, least);
  }
  return out.str();
}

/// One answer, a line, for each line of standard input.
template <class Answer>
void answer_lines(const Answer& answer) {
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    std::cout << answer(line) << std::endl;
  }
}

}  // namespace tessera_bench
