// SPDX-License-Identifier: Apache-2.0
/// Definitions of distributed/conversation.hpp. A request begins with a byte: 1 a request, 0 the end. An answer begins with one: 1 an
/// answer, 0 an error of code, thing, wanted, found and path.
#pragma once

#include <tessera/distributed/conversation.hpp>
#include <tessera/distributed/wire.hpp>
#include <tessera/io/bytes.hpp>

#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline std::span<const std::byte> as_message(const std::string& text) { return std::as_bytes(std::span(text)); }

/// The answer of a handler, or its error, as a message.
[[nodiscard]] inline std::string answer_of(const request_handler& handler, std::span<const std::byte> request) {
  std::string answer(1, '\1');
  byte_reader reader(request, "a request");
  const auto done = handler(reader, answer);
  if (done) return answer;
  const error& wrong = done.error();
  answer.assign(1, '\0');
  append_le(answer, static_cast<std::uint8_t>(wrong.code));
  put_string(answer, wrong.thing);
  put_string(answer, wrong.wanted);
  // Inner errors cross as words.
  put_string(answer, wrong.causes.empty() ? wrong.found : wrong.found + (wrong.found.empty() ? "" : ": ") + wrong.causes.front().message());
  put_string(answer, wrong.path);
  return answer;
}

/// The answer without its first byte, or the error that it holds.
[[nodiscard]] inline result<std::string> read_answer(std::span<const std::byte> message) {
  byte_reader reader(message, "an answer");
  TESSERA_TRY(const auto good, reader.number<std::uint8_t>("answer"));
  if (good == 1) return std::string(reinterpret_cast<const char*>(message.data()) + 1, message.size() - 1);
  error wrong;
  TESSERA_TRY(const auto code, reader.number<std::uint8_t>("code"));
  wrong.code = static_cast<error_code>(code);
  for (std::string* part : {&wrong.thing, &wrong.wanted, &wrong.found, &wrong.path}) {
    TESSERA_TRY(const auto text, reader.string("error"));
    *part = text;
  }
  return std::unexpected(std::move(wrong));
}

}  // namespace detail

TESSERA_INLINE result<std::vector<std::string>> ask_all(communicator& ranks, const std::vector<std::string>& requests,
                                                        const request_handler& own) {
  TESSERA_ASSERT(requests.size() == ranks.size() && ranks.rank() == 0);
  std::vector<result<std::string>> answers(ranks.size());
  std::string message;
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    if (requests[rank].empty()) continue;
    message.assign(1, '\1');
    message += requests[rank];
    if (auto sent = ranks.send(rank, detail::as_message(message)); !sent) answers[rank] = std::unexpected(std::move(sent).error());
  }
  if (!requests[0].empty())
    answers[0] = detail::read_answer(detail::as_message(detail::answer_of(own, detail::as_message(requests[0]))));
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    if (!answers[rank] || requests[rank].empty()) continue;
    auto received = ranks.receive(rank);
    if (received) answers[rank] = detail::read_answer(*received);
    else answers[rank] = std::unexpected(std::move(received).error());
  }
  std::vector<error> causes;
  std::vector<std::string> made;
  for (std::size_t rank = 0; rank < answers.size(); ++rank) {
    if (answers[rank]) {
      made.push_back(*std::move(answers[rank]));
    } else if (ranks.is_lost(rank)) {
      causes.push_back(std::move(answers[rank]).error());
    } else {
      error wrong = std::move(answers[rank]).error();
      const error_code code = wrong.code;
      causes.push_back({.code = code, .thing = ranks.name_of(rank), .causes = {std::move(wrong)}});
    }
  }
  if (causes.empty()) return made;
  if (causes.size() == 1) return std::unexpected(std::move(causes.front()));
  return fail({.code = causes.front().code,
               .thing = "answers",
               .wanted = "one of each of " + std::to_string(ranks.size()) + " ranks",
               .found = std::to_string(made.size()),
               .causes = std::move(causes)});
}

TESSERA_INLINE result<> answer_all(communicator& ranks, const request_handler& handler, const std::stop_token& stop) {
  for (;;) {
    TESSERA_TRY(const auto message, ranks.await(0, stop));
    if (message.empty() || message.front() == std::byte{0}) return {};
    const std::string answer = detail::answer_of(handler, std::span(message).subspan(1));
    TESSERA_CHECK(ranks.send(0, detail::as_message(answer)));
  }
}

TESSERA_INLINE result<> end_conversation(communicator& ranks) {
  std::vector<error> causes;
  const std::byte end[] = {std::byte{0}};
  for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
    if (ranks.is_lost(rank)) continue;
    if (auto sent = ranks.send(rank, end); !sent) causes.push_back(std::move(sent).error());
  }
  if (causes.empty()) return {};
  return fail({.code = error_code::io, .thing = "end of a conversation", .causes = std::move(causes)});
}

}  // namespace tessera::inline TESSERA_ABI
