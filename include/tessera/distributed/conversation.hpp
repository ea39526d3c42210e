// SPDX-License-Identifier: Apache-2.0
/// Rank 0 asks, all ranks answer: requests go out together, answers are gathered, and one rank that does not answer is an error of the
/// whole.
///
///     TESSERA_TRY(const auto answers, ts::ask_all(ranks, requests, own));        // rank 0; `own` answers for rank 0 itself
///     TESSERA_CHECK(ts::answer_all(ranks, [&](ts::byte_reader& request, std::string& answer) -> ts::result<> { ... }));   // the others
///
/// An error of one rank travels as an error: its code, what it was about, wanted and found, under the name of the rank. Where several
/// fail, one error lists them all. No answer is passed on where one is missing.
#pragma once

#include <tessera/distributed/communicator.hpp>
#include <tessera/io/byte_reader.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// What a rank does with a request: writes the answer, or fails.
using request_handler = std::function<result<>(byte_reader& request, std::string& answer)>;

/// Sends requests[r] to rank r, answers requests[0] by `own` meanwhile, and gathers all. requests.size() == ranks.size(); a rank whose
/// request is empty is not asked, and its answer is empty. Errors: io and whatever the ranks answered, each under its rank's name.
[[nodiscard]] result<std::vector<std::string>> ask_all(communicator& ranks, const std::vector<std::string>& requests,
                                                       const request_handler& own);

/// Answers until rank 0 calls `end_conversation`, or the stop token says so. Errors: io (rank 0 is lost), stopped.
[[nodiscard]] result<> answer_all(communicator& ranks, const request_handler& handler, const std::stop_token& stop = {});

/// Tells the ranks that answer to go on. Errors: io, naming those that could not be told.
[[nodiscard]] result<> end_conversation(communicator& ranks);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/distributed/conversation-inl.hpp>
#endif
