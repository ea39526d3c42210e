// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/rerank_text.hpp.
#pragma once

#include <tessera/io/json.hpp>
#include <tessera/model/rerank_text.hpp>

#include <sys/stat.h>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::string yes_no_beginning(std::string_view instruction) {
  std::string all =
      "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the "
      "answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: ";
  return all.append(instruction).append("\n<Query>:");  // whose blank may be one token with the query
}

TESSERA_INLINE std::string yes_no_question(std::string_view query, std::string_view text, std::string_view instruction) {
  std::string all = yes_no_beginning(instruction);
  all.append(" ").append(query).append("\n<Document>: ").append(text);
  return all += "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
}

TESSERA_INLINE result<answer_reader> answer_reader::of(published_reader& reader, const published_tensors& tensors,
                                                       std::string_view directory, const std::optional<tokenizer>& tokens) {
  // llama.cpp keeps these two rows of the output table alone, in this order.
  if (const tensor_view* both = tensors.encoder().is_gguf() ? tensors.encoder().find("cls.output.weight") : nullptr;
      both != nullptr && both->shape.size() == 2 && both->shape[0] == 2)
    return answer_reader(reader, {both, 0, 2}, {both, 1, 2});
  std::optional<std::size_t> yes, no;
  const std::string path = std::string(directory) + "/reranker.json";
  if (struct stat status {}; ::stat(path.c_str(), &status) == 0) {
    TESSERA_TRY(const json file, read_json(path));
    TESSERA_TRY(yes, file.root().get<std::size_t>("token_yes_id"));
    TESSERA_TRY(no, file.root().get<std::size_t>("token_no_id"));
  } else {
    std::optional<tokenizer> opened;
    if (!tokens) {
      TESSERA_TRY(opened, tokenizer::open(directory));
    }
    const tokenizer& known = tokens ? *tokens : *opened;
    yes = known.id_of("yes");
    no = known.id_of("no");
  }
  if (!yes || !no)
    return fail({.code = error_code::not_found,
                 .thing = "ids of the answers",
                 .wanted = "reranker.json, or the tokens \"yes\" and \"no\"",
                 .found = "neither",
                 .path = std::string(directory)});
  const tensor_view* head = tensors.encoder().find(tensors.encoder().is_gguf() ? "output.weight" : "lm_head.weight");
  const published_tensor table = head != nullptr ? published_tensor{head} : tensors.find("token_embedding.weight");
  if (!table || table.whole->shape.size() != 2 || *yes >= table.whole->shape[0] || *no >= table.whole->shape[0])
    return fail({.code = error_code::mismatch,
                 .thing = "output table",
                 .wanted = "rows " + std::to_string(*yes) + " and " + std::to_string(*no),
                 .found = table ? shape_text(table.whole->shape) : "none",
                 .path = tensors.encoder().path()});
  const std::size_t rows = table.whole->shape[0];
  return answer_reader(reader, {table.whole, *yes, rows}, {table.whole, *no, rows});
}

TESSERA_INLINE result<> answer_reader::read(std::string_view name, std::span<float> values) {
  if (name != "answers.weight") return reader_->read(name, values);
  TESSERA_CHECK(yes_.read(values.first(values.size() / 2)));
  return no_.read(values.subspan(values.size() / 2));
}

}  // namespace tessera::inline TESSERA_ABI
