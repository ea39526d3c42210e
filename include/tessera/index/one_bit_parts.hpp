// SPDX-License-Identifier: Apache-2.0
/// The longer member functions of `one_bit`: coding, search, calibration and its file. Included by index/one_bit.hpp.
#pragma once

#include <tessera/index/one_bit.hpp>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
void one_bit<Space, Precision, Metric, Bits>::code_new(thread_pool* threads) {
  const std::size_t count = base::size();
  std::size_t first = panels_.rows();
  if (Bits::centred && count >= first_training && count >= 4 * trained_at_) {
    frame_.learn(count, [&](std::size_t i, float* x) { static_cast<void>(detail::place_for_metric<Metric>(base::rows().row(i), x)); });
    trained_at_ = count;
    first = 0;
  }
  panels_.resize(count);
  constexpr std::size_t part = 1024;
  for_each(threads, (count - first + part - 1) / part, [&](std::size_t p) {
    for (std::size_t row = first + p * part; row < std::min(count, first + (p + 1) * part); ++row) code_row(row);
  });
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
template <class Queries>
result<> one_bit<Space, Precision, Metric, Bits>::answer(const Queries& queries, std::size_t first, std::size_t count, std::size_t k,
                                                          std::size_t scored, const search_options& options, std::uint32_t left_out,
                                                          std::vector<std::vector<hit>>& found) const {
  if (k == 0 || base::empty()) return {};
  const auto score_all = [&](std::size_t q) -> result<> {
    const auto view = queries[first + q].view();
    search_options living = options;
    if (left_out != detail::no_row)
      living.filter = [&, id = base::ids()[left_out]](std::uint64_t other) {
        return other != id && (!options.filter || options.filter(other));
      };
    TESSERA_TRY(auto hits, scan_rows<Metric>(std::span(&view, 1), base::rows(), base::ids(), k, living));
    found[first + q] = std::move(hits.front());
    return {};
  };
  if (!scan_pays(scored)) {
    for (std::size_t q = 0; q < count; ++q) TESSERA_CHECK(score_all(q));
    return {};
  }
  const auto memory = memory_.take();
  if (memory->queries.size() < count) memory->queries.resize(count), memory->best.resize(count);
  memory->keys.resize(block);
  for (std::size_t q = 0; q < count; ++q) {
    alignas(vector_alignment) float x[Space::dimension];
    static_cast<void>(detail::place_for_metric<Metric>(queries[first + q].view(), x));
    frame_.prepare(x, memory->queries[q]);
    memory->best[q].begin(scored);
  }
  const bool picky = options.filter || left_out != detail::no_row;
  const auto passes = [&](std::uint32_t row) { return row != left_out && (!options.filter || options.filter(base::ids()[row])); };
  for (std::size_t from = 0; from < base::size(); from += block) {
    if (options.interrupted()) return fail(detail::interruption(options, base::size()));
    const std::size_t now = std::min(block, base::size() - from);
    for (std::size_t q = 0; q < count; ++q) {
      if (!memory->queries[q].usable) continue;
      panels_.scan(memory->queries[q].view(), from, panels::padded(now), memory->keys.data());
      const std::span<const float> keys(memory->keys.data(), now);
      if (picky) memory->best[q].push(keys, static_cast<std::uint32_t>(from), passes);
      else memory->best[q].push(keys, static_cast<std::uint32_t>(from), [](std::uint32_t) { return true; });
    }
  }
  for (std::size_t q = 0; q < count; ++q) {
    if (!memory->queries[q].usable) {
      TESSERA_CHECK(score_all(q));
      continue;
    }
    memory->best[q].rows(memory->rows);
    memory->scores.resize(memory->rows.size());
    score_listed<Metric>(queries[first + q].view(), base::rows(), memory->rows, memory->scores.data());
    top_k<Metric::larger_is_nearer> best(std::min(k, memory->rows.size()));
    for (std::size_t i = 0; i < memory->rows.size(); ++i) best.push(base::ids()[memory->rows[i]], memory->scores[i]);
    found[first + q] = best.take();
  }
  return {};
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
template <class Queries>
result<calibration_report> one_bit<Space, Precision, Metric, Bits>::calibrate_on(const Queries& queries, std::size_t count,
                                                                                 std::span<const std::uint32_t> rows,
                                                                                 const calibration_options& options) {
  std::vector<std::vector<hit>> found(count);
  const auto ask = [&](std::size_t q, std::size_t effort, std::uint32_t left_out) -> result<std::vector<hit>> {
    TESSERA_CHECK(answer(queries, q, 1, options.k, effort, {.stop = options.stop}, left_out, found));
    return std::move(found[q]);
  };
  return detail::calibrate_by<Metric>(recall_, queries, count, rows, base::rows(), base::ids(), base::size(),
                                      options.k * settings_.oversampling, {.threads = options.threads, .stop = options.stop}, options, ask);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
result<calibration_report> one_bit<Space, Precision, Metric, Bits>::calibrate(const calibration_options& options) {
  const detail::rows_as_queries own(base::rows(), base::size(), options.queries, [](std::uint32_t) { return true; });
  return calibrate_on(own.views, own.views.size(), own.numbers, options);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
template <embedding_space QuerySpace, tessera::precision QueryPrecision>
result<calibration_report> one_bit<Space, Precision, Metric, Bits>::calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                                              const calibration_options& options) {
  if constexpr (detail::index_answers<one_bit, embedding_matrix<QuerySpace, QueryPrecision>>()) {
    TESSERA_CHECK(detail::same_model<Space>(base::made_by(), queries.made_by(), "queries"));
    return calibrate_on(queries, queries.rows(), {}, options);
  } else {
    return calibration_report{};
  }
}

// ------------------------------------------------------------------------------------------------------------------ the file
template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
result<> one_bit<Space, Precision, Metric, Bits>::save(std::string_view path, const provenance& origin) const {
  index_description what = base::described(Bits::kind);
  what.origin = origin;
  const std::uint64_t numbers[] = {settings_.oversampling, trained_at_};
  std::vector<std::uint64_t> bits;
  std::vector<float> facts;
  for (std::size_t row = 0; row < base::size(); ++row) {
    const auto code = panels_.get(row);
    bits.insert(bits.end(), code.bits.begin(), code.bits.end());
    facts.push_back(code.factor), facts.push_back(code.offset);
  }
  const auto recall = recall_.numbers();
  auto sections = base::sections();
  sections.push_back({"scan", std::as_bytes(std::span(numbers))});
  sections.push_back({"centre", std::as_bytes(frame_.centre())});
  sections.push_back({"bits", std::as_bytes(std::span(bits))});
  sections.push_back({"facts", std::as_bytes(std::span(facts))});
  if (!recall_.empty()) sections.push_back({"recall", std::as_bytes(std::span(recall))});
  return write_index_file(path, what, sections);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Bits>
result<> one_bit<Space, Precision, Metric, Bits>::read_sections(const index_file& file) {
  TESSERA_TRY(const bool calibrated, detail::read_recall(file, recall_));
  TESSERA_CHECK(file.has_sections(base::row_sections + 4 + std::size_t{calibrated}));
  TESSERA_TRY(const auto numbers, file.all_values<std::uint64_t>("scan"));
  TESSERA_TRY(const auto centre, file.all_values<float>("centre"));
  TESSERA_TRY(const auto bits_bytes, file.section("bits", 8 * frame::words));
  TESSERA_TRY(const auto facts_bytes, file.section("facts", 2 * sizeof(float)));
  if (numbers.size() != 2)
    return fail({.code = error_code::malformed, .thing = "section scan", .wanted = "2 numbers", .found = std::to_string(numbers.size())});
  TESSERA_TRY(const one_bit like, make({.oversampling = static_cast<std::size_t>(numbers[0])}));
  settings_ = like.settings_;
  trained_at_ = static_cast<std::size_t>(std::min<std::uint64_t>(numbers[1], std::size_t{1} << 48u));
  TESSERA_CHECK(frame_.read_centre(centre));
  TESSERA_CHECK(base::read_rows(file));
  TESSERA_CHECK(panels_.reserve(base::size()));
  panels_.resize(base::size());
  for (std::size_t row = 0; row < base::size(); ++row) {
    detail::bit_code<frame::words> code;
    TESSERA_CHECK(copy_le<std::uint64_t>(bits_bytes.subspan(row * sizeof code.bits, sizeof code.bits), code.bits));
    float facts[2];
    TESSERA_CHECK(copy_le<float>(facts_bytes.subspan(row * sizeof facts, sizeof facts), facts));
    const std::uint64_t behind = frame::width % 64 == 0 ? 0 : code.bits.back() >> (frame::width % 64);
    if (behind != 0 || !(std::fabs(facts[0]) < 1e30f) || facts[1] != facts[1] || facts[1] < -1e30f)
      return fail({.code = error_code::malformed,
                   .thing = "code of row " + std::to_string(row),
                   .wanted = "bits of " + std::to_string(frame::width) + " components and finite numbers",
                   .found = std::to_string(facts[0]) + ", " + std::to_string(facts[1])});
    code.factor = facts[0], code.offset = facts[1];
    panels_.set(row, code);
  }
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
