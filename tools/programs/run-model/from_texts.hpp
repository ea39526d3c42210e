// SPDX-License-Identifier: Apache-2.0
/// Embeds the lines of a .jsonl file: `text`, with the prompt of `prompt_name` before it, and a task's adapter.
#pragma once

#include <tessera/base/threads.hpp>
#include <tools/programs/jsonl.hpp>
#include <tools/programs/run-model/any_model.hpp>
#include <tools/programs/run-model/outputs.hpp>

#include <charconv>
#include <map>
#include <optional>

namespace programs {

/// The lines that ask for one prompt.
struct prompt_group {
  std::vector<std::size_t> rows;
  std::vector<std::string> texts;
};
/// By the prompt's name; nothing is what the model does unasked.
using text_groups = std::map<std::optional<std::string>, prompt_group>;

/// `task` is the prompt of lines that name none. Errors name the line.
[[nodiscard]] inline ts::result<text_groups> read_texts(const std::string& path, const std::optional<std::string>& task,
                                                        const ts::text_settings& settings, std::size_t& count) {
  text_groups groups;
  count = 0;
  const auto take = [&](ts::json_value line, const std::string& place) -> ts::result<> {
    TESSERA_TRY(std::string text, line.get<std::string>("text"));
    TESSERA_TRY(std::optional<std::string> prompt, line.get_optional<std::string>("prompt_name"));
    if (!prompt) prompt = task;
    if (auto known = settings.prompt(prompt); !known) return ts::fail(std::move(known).error().in(place));
    prompt_group& group = groups[std::move(prompt)];
    group.rows.push_back(count++);
    group.texts.push_back(std::move(text));
    return {};
  };
  TESSERA_CHECK(for_each_line(path, take));
  return groups;
}

/// An error of `encode`, which counts the texts of a group, with the line of the file.
[[nodiscard]] inline ts::error in_line(ts::error failure, const prompt_group& group, const std::string& path) {
  std::size_t number = 0;
  const std::string& thing = failure.thing;
  if (!thing.starts_with("text ") || std::from_chars(thing.data() + 5, thing.data() + thing.size(), number).ec != std::errc()) return failure;
  if (number < group.rows.size()) failure.thing = path + " line " + std::to_string(group.rows[number] + 1);
  return failure;
}

/// `embeddings`, as modules.json says, and `embeddings_norm`; rows in the order of the lines. `task` is one of the model's tasks, or where it
/// has no adapters the prompt of lines that name none.
[[nodiscard]] inline ts::result<> run_texts(const any_model& model, const std::string& path, const std::optional<std::string>& task,
                                            ts::thread_pool& threads, outputs& into) {
  std::size_t count = 0;
  const bool adapters = !model.settings().tasks.empty();
  TESSERA_TRY(const text_groups groups, read_texts(path, adapters ? std::nullopt : task, model.settings(), count));
  const std::size_t width = model.dimension();
  std::vector<float> rows(count * width);
  for (const auto& [prompt, group] : groups) {
    const std::vector<std::string_view> texts(group.texts.begin(), group.texts.end());
    std::vector<float> made(texts.size() * width);
    ts::embed_options options{.threads = &threads};
    if (prompt) options.prompt = *prompt;
    if (adapters && task) options.task = *task;
    if (auto done = model.encode(texts, options, made); !done) return ts::fail(in_line(std::move(done).error(), group, path));
    for (std::size_t i = 0; i < texts.size(); ++i) std::copy_n(made.data() + i * width, width, rows.data() + group.rows[i] * width);
  }
  into.add_with_norm("embeddings", count, width, rows);
  return {};
}

}  // namespace programs
