// SPDX-License-Identifier: Apache-2.0
// Many threads share one loaded model, without a lock; each call can be stopped:   10_serving [MODEL_DIRECTORY]
#include <tessera/model/minilm.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

namespace ts = tessera;

// [serve]
template <class Encoder>
ts::result<> serve(const Encoder& encoder) {
  constexpr int requests = 40;
  std::atomic<int> next{0}, answered{0}, stopped{0}, failed{0};
  const auto worker = [&](std::stop_token stop) {
    for (int request; (request = next++) < requests;) {
      // What one request may cost is said in the call; what goes wrong in one is an error of this one alone.
      const std::string text = "request number " + std::to_string(request);
      const auto vector = encoder.encode(text, {.max_bytes = 10'000, .stop = stop});
      if (vector) ++answered;
      else if (vector.error().code == ts::error_code::stopped) ++stopped;
      else ++failed;
    }
  };
  {
    std::jthread first(worker), second(worker), third(worker);  // jthreads end by asking to stop, so wait for the work here
    first.join(), second.join(), third.join();
  }
  std::printf("%d answered, %d stopped, %d failed\n", answered.load(), stopped.load(), failed.load());
  if (answered + stopped == requests) return {};
  return ts::fail({.code = ts::error_code::invalid_argument, .thing = "serving", .found = std::to_string(failed) + " failures"});
}
// [/serve]

int main(int argc, char** argv) {
  const auto encoder = ts::load<ts::minilm_l6<>>(argc > 1 ? argv[1] : "models/all-MiniLM-L6-v2");
  const auto done = encoder ? serve(*encoder) : ts::fail(encoder.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
