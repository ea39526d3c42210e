// SPDX-License-Identifier: Apache-2.0
/// The tests' main: Catch2's own, and a last line "N passed, N failed, N skipped" that tools/test adds up.
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

#include <cstdio>

namespace {

struct counts {
  unsigned passed = 0, failed = 0, skipped = 0;
} seen;

class counting : public Catch::EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    const Catch::Counts& assertions = stats.totals.assertions;
    if (assertions.failed > 0) ++seen.failed;
    else if (assertions.skipped > 0) ++seen.skipped;
    else ++seen.passed;
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(counting)

int main(int argc, char** argv) {
  Catch::Session session;
  const int wrong = session.applyCommandLine(argc, argv);
  if (wrong != 0) return wrong;
  const bool listing = session.configData().listTests || session.configData().showHelp;
  session.run();
  if (listing) return 0;
  std::printf("%u passed, %u failed, %u skipped\n", seen.passed, seen.failed, seen.skipped);
  return seen.failed != 0 || seen.passed + seen.skipped == 0 ? 1 : 0;
}
