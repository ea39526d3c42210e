// SPDX-License-Identifier: Apache-2.0
/// The processes of a program that mpirun started, as ranks that send each other bytes, and never wait longer than they were told to.
///
///     TESSERA_TRY(auto ranks, ts::communicator::join({.patience = std::chrono::seconds(10)}));
///     if (ranks.rank() == 0) TESSERA_CHECK(ranks.send(1, request));
///     else TESSERA_TRY(auto request, ranks.receive(0));
///
/// MPI itself has no deadline: a rank that died or hangs lets the others wait forever. Here every transfer is begun without blocking and
/// watched; when `patience` is over the call is an error that names the rank and its host, and so is every later call to it. mpirun's own
/// answer to a process that dies is to end all others: `mpirun --enable-recovery` (Open MPI 4) or `--with-ft ulfm` (5) leave them to
/// find it out.
///
/// One object a process, one thread at a time. The communicator is a duplicate of MPI_COMM_WORLD, so that the program's own messages are
/// apart; MPI is initialised where it is not, and then also finalised, unless a rank is lost: finalising would wait for it.
#pragma once

#include <tessera/base/result.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct communicator_settings {
  std::chrono::milliseconds patience{30'000};  ///< how long one transfer may take
};

class communicator {
 public:
  /// Collective: every rank calls it. Errors: invalid_argument (no patience), io (MPI's own words).
  [[nodiscard]] static result<communicator> join(const communicator_settings& settings = {});

  communicator(communicator&&) noexcept;
  communicator& operator=(communicator&&) noexcept;
  ~communicator();

  [[nodiscard]] std::size_t rank() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  /// "rank 2 of 4 on node1", for messages.
  [[nodiscard]] std::string name_of(std::size_t rank) const;
  [[nodiscard]] std::chrono::milliseconds patience() const noexcept;

  /// Any number of bytes. Errors: io (the rank is lost, or MPI failed); not_found (no such rank).
  [[nodiscard]] result<> send(std::size_t to, std::span<const std::byte> message);
  /// The next message of that rank. Errors: likewise.
  [[nodiscard]] result<std::vector<std::byte>> receive(std::size_t from);
  /// The same for a message that may come at any time: waits until the stop token says so. Errors: also stopped.
  [[nodiscard]] result<std::vector<std::byte>> await(std::size_t from, const std::stop_token& stop);

  /// True where a transfer to or from that rank has failed.
  [[nodiscard]] bool is_lost(std::size_t rank) const noexcept;

 private:
  struct state;
  explicit communicator(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/distributed/communicator-inl.hpp>
#endif
