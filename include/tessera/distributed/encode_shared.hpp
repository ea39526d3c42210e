// SPDX-License-Identifier: Apache-2.0
/// A corpus embedded by all ranks: each makes the vectors of its share of the texts with its own copy of the model.
///
///     TESSERA_TRY(const auto encoder, ts::load<model>(directory));                    // on every rank
///     if (ranks.rank() != 0) return ts::serve_encoder(ranks, encoder);
///     TESSERA_TRY(const auto rows, ts::encode_shared(ranks, encoder, texts));         // row i is texts[i]'s
///     TESSERA_CHECK(ts::end_conversation(ranks));
///
/// Texts are shared by their bytes in runs of 1/16 of a rank's share, so that ranks of unequal speed cost little and nothing waits in
/// one message.
/// A vector depends on its text and the model alone, so the rows are those of one process, bit for bit where all ranks run one kind of
/// processor.
/// A rank whose model has other weights is an error that names it.
#pragma once

#include <tessera/distributed/conversation.hpp>
#include <tessera/distributed/wire.hpp>
#include <tessera/model/embed_options.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline void put_optional(std::string& out, const std::optional<std::string_view>& text) {
  append_le(out, static_cast<std::uint8_t>(text ? 1 : 0));
  if (text) put_string(out, *text);
}
[[nodiscard]] inline result<std::optional<std::string_view>> read_optional(byte_reader& reader) {
  std::optional<std::string_view> made;
  TESSERA_TRY(const auto there, reader.number<std::uint8_t>("choice"));
  if (there != 0) {
    TESSERA_TRY(made, reader.string("choice"));
  }
  return made;
}

/// The texts first .. last, to be read as `options` say.
[[nodiscard]] inline std::string text_request(std::span<const std::string_view> texts, const embed_options& options) {
  std::string out;
  append_le(out, static_cast<std::uint8_t>(options.empty));
  append_le(out, static_cast<std::uint8_t>(options.too_long));
  put_optional(out, options.prompt);
  put_optional(out, options.task);
  append_le(out, std::uint64_t{texts.size()});
  for (const std::string_view text : texts) put_string(out, text);
  return out;
}

template <class Model>
struct text_handler {
  const Model* model;
  thread_pool* threads;

  [[nodiscard]] result<> operator()(byte_reader& request, std::string& answer) const {
    embed_options options;
    options.threads = threads;
    TESSERA_TRY(const auto empty, request.number<std::uint8_t>("empty texts"));
    TESSERA_TRY(const auto too_long, request.number<std::uint8_t>("long texts"));
    options.empty = static_cast<on_empty>(empty);
    options.too_long = static_cast<on_too_long>(too_long);
    TESSERA_TRY(options.prompt, read_optional(request));
    TESSERA_TRY(options.task, read_optional(request));
    TESSERA_TRY(const auto count, request.number<std::uint64_t>("texts"));
    TESSERA_CHECK(request.fits(count, sizeof(std::uint64_t), "texts"));
    std::vector<std::string_view> texts(static_cast<std::size_t>(count));
    for (std::string_view& text : texts) {
      TESSERA_TRY(text, request.string("text"));
    }
    TESSERA_TRY(const auto rows, model->encode(texts, options));
    put_rows(answer, rows);
    return {};
  }
};

/// The end of the run of texts from `first` on that holds about `bytes` of text, at least one.
[[nodiscard]] inline std::size_t run_end(std::span<const std::string_view> texts, std::size_t first, std::size_t bytes) {
  std::size_t end = first;
  for (std::size_t sum = 0; end < texts.size() && (end == first || sum + texts[end].size() <= bytes); ++end) sum += texts[end].size() + 1;
  return end;
}

}  // namespace detail

/// On rank 0: the vectors of all texts. `threads`, `empty`, `too_long`, `prompt`, `task` and the limits on texts and bytes of `options`
/// are heeded;
/// stop is asked between runs. Errors: those of the model's `encode`; mismatch (a rank with other weights); io (a rank is lost).
template <class Model>
[[nodiscard]] auto encode_shared(communicator& ranks, const Model& model, std::span<const std::string_view> texts,
                                 const embed_options& options = {}) -> result<embedding_matrix<typename Model::space>> {
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size() + 1;
  if (texts.size() > options.max_texts || bytes > options.max_bytes)
    return fail({.code = error_code::too_long,
                 .thing = "texts",
                 .wanted = "at most max_texts and max_bytes",
                 .found = std::to_string(texts.size()) + " texts, " + std::to_string(bytes) + " bytes"});
  TESSERA_TRY(auto made, embedding_matrix<typename Model::space>::make(texts.size()));
  const std::size_t share = bytes / (16 * ranks.size()) + 4096;
  const detail::text_handler<Model> own{&model, options.threads};
  for (std::size_t first = 0; first < texts.size();) {
    if (options.stop.stop_requested())
      return fail({.code = error_code::stopped,
                   .thing = "texts embedded",
                   .wanted = std::to_string(texts.size()),
                   .found = std::to_string(first)});
    std::vector<std::string> requests(ranks.size());
    std::vector<std::size_t> ends{first};
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      const std::size_t end = detail::run_end(texts, ends.back(), share);
      requests[rank] = detail::text_request(texts.subspan(ends.back(), end - ends.back()), options);
      ends.push_back(end);
    }
    TESSERA_TRY(const auto answers, ask_all(ranks, requests, own));
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      byte_reader reader(std::as_bytes(std::span(answers[rank])), "an answer");
      TESSERA_TRY(const auto rows, (read_rows<typename Model::space, f32>(reader)));
      const std::size_t wanted = ends[rank + 1] - ends[rank];
      if (rows.rows() != wanted) return reader.wrong("rows of " + ranks.name_of(rank), std::to_string(wanted), std::to_string(rows.rows()));
      if (wanted == 0) continue;
      if (made.made_by() && rows.made_by() != made.made_by())
        return fail({.code = error_code::mismatch,
                     .thing = "model of " + ranks.name_of(rank),
                     .wanted = "the weights of rank 0's",
                     .found = "others"});
      made.set_made_by(rows.made_by());
      for (std::size_t i = 0; i < wanted; ++i) std::copy_n(rows.row(i).data(), rows.stored, made.values(ends[rank] + i).data());
    }
    first = ends.back();
  }
  return made;
}

/// On the other ranks: answers until rank 0 ends the conversation. Errors: io (rank 0 is lost), stopped.
template <class Model>
[[nodiscard]] result<> serve_encoder(communicator& ranks, const Model& model, thread_pool* threads = nullptr,
                                     const std::stop_token& stop = {}) {
  return answer_all(ranks, detail::text_handler<Model>{&model, threads}, stop);
}

}  // namespace tessera::inline TESSERA_ABI
