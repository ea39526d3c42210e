// SPDX-License-Identifier: Apache-2.0
/// Definitions of distributed/communicator.hpp.
///
/// A message is a u64 of its bytes, then pieces of at most 2^30 bytes: MPI counts in int.
#pragma once

#include <tessera/distributed/communicator.hpp>

#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>

namespace tessera::inline TESSERA_ABI {

struct communicator::state {
  static constexpr int tag = 71;
  static constexpr std::size_t piece = std::size_t{1} << 30u;
  static constexpr std::size_t name_bytes = MPI_MAX_PROCESSOR_NAME;

  MPI_Comm comm = MPI_COMM_NULL;
  std::size_t rank = 0;
  std::vector<std::string> hosts;
  std::vector<char> lost;
  std::chrono::milliseconds patience{};
  bool finalises = false;
  /// What a transfer that was given up may still touch.
  std::vector<std::vector<std::byte>> abandoned;

  [[nodiscard]] bool any_lost() const noexcept { return std::find(lost.begin(), lost.end(), 1) != lost.end(); }
  [[nodiscard]] std::string name_of(std::size_t which) const {
    return "rank " + std::to_string(which) + " of " + std::to_string(hosts.size()) + " on " + hosts[which];
  }
  [[nodiscard]] std::unexpected<error> give_up(std::size_t which, std::string wanted, std::string found) {
    lost[which] = 1;
    return fail({.code = error_code::io, .thing = name_of(which), .wanted = std::move(wanted), .found = std::move(found)});
  }
  [[nodiscard]] result<> reachable(std::size_t which) {
    if (which >= hosts.size())
      return fail({.code = error_code::not_found,
                   .thing = "rank " + std::to_string(which),
                   .wanted = "0 to " + std::to_string(hosts.size() - 1)});
    if (lost[which]) return give_up(which, "a rank that answers", "one that was lost before");
    return {};
  }
  [[nodiscard]] static std::string text_of(int code) {
    char text[MPI_MAX_ERROR_STRING] = {};
    int length = 0;
    MPI_Error_string(code, text, &length);
    return {text, static_cast<std::size_t>(length)};
  }

  /// A sixteenth of what has been waited already, so that short waits stay short and long ones leave the core to others.
  static void rest(std::chrono::steady_clock::duration waited) {
    using std::chrono::microseconds;
    std::this_thread::sleep_for(std::clamp<std::chrono::steady_clock::duration>(waited / 16, microseconds(5), microseconds(200)));
  }

  /// Until the transfer is done. Spins at first: most answers are there within microseconds.
  template <class Done>
  [[nodiscard]] result<> watch(std::size_t which, const char* wanted, const Done& done) {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    for (std::size_t turn = 0;; ++turn) {
      int flag = 0;
      if (const int code = done(&flag); code != MPI_SUCCESS) return give_up(which, wanted, text_of(code));
      if (flag != 0) return {};
      if (turn < 256) continue;
      const auto waited = clock::now() - begin;
      if (waited > patience)
        return give_up(which, std::string(wanted) + " within " + std::to_string(patience.count()) + " ms", "none");
      rest(waited);
    }
  }

  [[nodiscard]] result<> put(std::size_t to, const void* from, std::size_t bytes) {
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Isend(from, static_cast<int>(bytes), MPI_BYTE, static_cast<int>(to), tag, comm, &request);
    if (code != MPI_SUCCESS) return give_up(to, "to take a message", text_of(code));
    return watch(to, "to take a message", [&](int* flag) { return MPI_Test(&request, flag, MPI_STATUS_IGNORE); });
  }
  [[nodiscard]] result<> get(std::size_t from, void* to, std::size_t bytes) {
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Irecv(to, static_cast<int>(bytes), MPI_BYTE, static_cast<int>(from), tag, comm, &request);
    if (code != MPI_SUCCESS) return give_up(from, "an answer", text_of(code));
    return watch(from, "an answer", [&](int* flag) { return MPI_Test(&request, flag, MPI_STATUS_IGNORE); });
  }

  ~state() {
    if (comm != MPI_COMM_NULL && !any_lost()) MPI_Comm_free(&comm);
    int finalised = 0;
    MPI_Finalized(&finalised);
    if (finalises && finalised == 0 && !any_lost()) MPI_Finalize();
    // Buffers of transfers that were given up stay: MPI may still write to them.
    if (!abandoned.empty()) static_cast<void>(new std::vector<std::vector<std::byte>>(std::move(abandoned)));
  }
};

TESSERA_INLINE communicator::communicator(std::unique_ptr<state> made) noexcept : state_(std::move(made)) {}
TESSERA_INLINE communicator::communicator(communicator&&) noexcept = default;
TESSERA_INLINE communicator& communicator::operator=(communicator&&) noexcept = default;
TESSERA_INLINE communicator::~communicator() = default;

TESSERA_INLINE std::size_t communicator::rank() const noexcept { return state_->rank; }
TESSERA_INLINE std::size_t communicator::size() const noexcept { return state_->hosts.size(); }
TESSERA_INLINE std::string communicator::name_of(std::size_t rank) const { return state_->name_of(rank); }
TESSERA_INLINE std::chrono::milliseconds communicator::patience() const noexcept { return state_->patience; }
TESSERA_INLINE bool communicator::is_lost(std::size_t rank) const noexcept { return state_->lost[rank] != 0; }

TESSERA_INLINE result<communicator> communicator::join(const communicator_settings& settings) {
  if (settings.patience.count() <= 0)
    return fail({.code = error_code::invalid_argument,
                 .thing = "patience",
                 .wanted = "more than 0 ms",
                 .found = std::to_string(settings.patience.count())});
  auto made = std::make_unique<state>();
  made->patience = settings.patience;
  const auto check = [](int code, const char* what) -> result<> {
    if (code == MPI_SUCCESS) return {};
    return fail({.code = error_code::io, .thing = what, .wanted = "to succeed", .found = state::text_of(code)});
  };
  int initialised = 0;
  MPI_Initialized(&initialised);
  if (initialised == 0) {
    int provided = 0;
    TESSERA_CHECK(check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread"));
    made->finalises = true;
  }
  TESSERA_CHECK(check(MPI_Comm_dup(MPI_COMM_WORLD, &made->comm), "MPI_Comm_dup"));
  TESSERA_CHECK(check(MPI_Comm_set_errhandler(made->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"));
  int rank = 0;
  int size = 0;
  TESSERA_CHECK(check(MPI_Comm_rank(made->comm, &rank), "MPI_Comm_rank"));
  TESSERA_CHECK(check(MPI_Comm_size(made->comm, &size), "MPI_Comm_size"));
  made->rank = static_cast<std::size_t>(rank);
  std::vector<char> own(state::name_bytes);
  std::vector<char> all(state::name_bytes * static_cast<std::size_t>(size));
  int length = 0;
  TESSERA_CHECK(check(MPI_Get_processor_name(own.data(), &length), "MPI_Get_processor_name"));
  TESSERA_CHECK(check(MPI_Allgather(own.data(), static_cast<int>(own.size()), MPI_CHAR, all.data(), static_cast<int>(own.size()), MPI_CHAR,
                                    made->comm),
                      "MPI_Allgather"));
  for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) made->hosts.emplace_back(all.data() + i * state::name_bytes);
  made->lost.assign(static_cast<std::size_t>(size), 0);
  return communicator(std::move(made));
}

TESSERA_INLINE result<> communicator::send(std::size_t to, std::span<const std::byte> message) {
  TESSERA_CHECK(state_->reachable(to));
  // A copy that MPI may keep where the transfer is given up.
  std::vector<std::byte> kept(sizeof(std::uint64_t) + message.size());
  const std::uint64_t size = message.size();
  std::memcpy(kept.data(), &size, sizeof size);
  std::copy(message.begin(), message.end(), kept.begin() + sizeof size);
  auto sent = state_->put(to, kept.data(), sizeof size);
  for (std::size_t at = sizeof size; sent && at < kept.size(); at += state::piece)
    sent = state_->put(to, kept.data() + at, std::min(state::piece, kept.size() - at));
  if (!sent) state_->abandoned.push_back(std::move(kept));
  return sent;
}

TESSERA_INLINE result<std::vector<std::byte>> communicator::receive(std::size_t from) {
  TESSERA_CHECK(state_->reachable(from));
  std::vector<std::byte> message(sizeof(std::uint64_t));
  auto got = state_->get(from, message.data(), message.size());
  if (got) {
    std::uint64_t size = 0;
    std::memcpy(&size, message.data(), sizeof size);
    message.resize(size);
    for (std::size_t at = 0; got && at < size; at += state::piece)
      got = state_->get(from, message.data() + at, std::min<std::size_t>(state::piece, size - at));
  }
  if (got) return message;
  state_->abandoned.push_back(std::move(message));
  return std::unexpected(std::move(got).error());
}

TESSERA_INLINE result<std::vector<std::byte>> communicator::await(std::size_t from, const std::stop_token& stop) {
  TESSERA_CHECK(state_->reachable(from));
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t turn = 0;; ++turn) {
    int there = 0;
    const int code = MPI_Iprobe(static_cast<int>(from), state::tag, state_->comm, &there, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) return state_->give_up(from, "a message", state::text_of(code));
    if (there != 0) return receive(from);
    if (stop.stop_requested()) return fail({.code = error_code::stopped, .thing = "waiting for " + name_of(from)});
    if (turn < 256) continue;
    state::rest(std::chrono::steady_clock::now() - begin);
  }
}

}  // namespace tessera::inline TESSERA_ABI
