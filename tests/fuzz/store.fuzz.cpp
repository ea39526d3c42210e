// SPDX-License-Identifier: Apache-2.0
// corpus: store/*
// Any bytes as a store's log and as its snapshot, as they are and with checksums made right: refused, or rows that can be read, searched,
// walked to and linked anew.
#include <tests/fuzz/target.hpp>
#include <tests/store/damage.hpp>

#include <tessera/store/store.hpp>

#include <sys/mman.h>
#include <unistd.h>

namespace ts = tessera;

namespace {

using four = ts::space<"four", 4, ts::pooling::cls>;

template <class Precision>
void read_log(std::string_view text) {
  const auto kind = ts::detail::typed_rows<four, Precision, ts::cosine>::kind();
  ts::recovery_report report;
  std::size_t bytes = 0;
  const auto log = ts::detail::read_log(std::as_bytes(std::span(text)), "fuzz.log", kind.what, kind.layout.vector_bytes, true, report,
                                        [&](const ts::detail::row_change& change, ts::fingerprint) -> ts::result<> {
                                          bytes += change.vector.size() + change.metadata.size() + change.payload.size();
                                          for (const std::byte one : change.payload) bytes += one == std::byte{1} ? 0u : 0u;
                                          return {};
                                        });
  if (!log) return tessera_fuzz::promise(!log.error().message().empty() && log.error().path == "fuzz.log", "an error names the file");
  tessera_fuzz::promise(bytes <= text.size() && log->good_bytes <= text.size() + 8, "no more than the file has");
}

template <class Precision>
void read_snapshot(std::string_view text) {
  const int file = ::memfd_create("snapshot", MFD_CLOEXEC);
  tessera_fuzz::promise(file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "a file in memory");
  using rows_of = ts::detail::typed_rows<four, Precision, ts::cosine>;
  const auto kind = rows_of::kind();
  const auto opened = ts::detail::row_table::open("/proc/self/fd/" + std::to_string(file), kind.layout, kind.what, {});
  ::close(file);
  if (!opened) return tessera_fuzz::promise(!opened.error().message().empty(), "an error says something");
  const ts::detail::row_table& rows = **opened;
  for (std::size_t row = 0; row < rows.base_rows(); ++row) {
    const auto found = rows.find(rows.ids()[row]);
    if (rows.whole(row)) tessera_fuzz::promise(found && rows.ids()[*found] == rows.ids()[row], "every row is found by its id");
    if (const auto content = rows.content(row)) {
      std::size_t sum = 0;
      for (const auto part : {content->metadata, content->payload})
        for (const std::byte one : part) sum += std::to_integer<std::size_t>(one);
      tessera_fuzz::promise(sum <= 255 * text.size(), "content lies in the file");
      if (content->compressed) static_cast<void>(ts::decompressed(content->payload, content->whole));
    }
  }
  ts::detail::store_engine::view view;
  view.rows = *opened, view.count = rows.base_rows(), view.change = 1;
  ts::detail::spares<ts::detail::walk_memory> memory;
  const ts::detail::row_filter all;
  const ts::search_options options;
  ts::detail::table_search<four, Precision, ts::cosine> search(view, memory, options, all);
  ts::embedding<four> query;
  for (float& value : query.values()) value = 0.5f;
  for (const std::size_t effort : {std::size_t{2}, std::size_t{1000}}) {
    const auto hits = search.nearest(query.view(), 3, effort);
    tessera_fuzz::promise(hits && hits->size() <= 3, "a search answers");
  }
  static_cast<void>(rows.verify());
  auto graph = rows.copy_graph();
  if (graph) tessera_fuzz::promise(rows_of::link(*graph, {.table = &rows, .count = rows.base_rows()}, {}, nullptr, {}).has_value(), "links");
}

void read_all(std::string_view text) {
  read_log<ts::f32>(text);
  read_log<ts::f16>(text);
  read_snapshot<ts::f32>(text);
  read_snapshot<ts::f16>(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  read_all(text);
  read_all(tessera_tests::log_with_right_checksums(std::string(text)));
  read_all(tessera_tests::with_right_checksums(std::string(text)));
  return 0;
}
