// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/text_settings.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/model/text_settings.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<std::string_view> text_settings::prompt(std::optional<std::string_view> name) const {
  if (!name && default_prompt) name = *default_prompt;
  if (!name || name->empty()) return std::string_view();
  std::string known;
  for (const auto& [label, text] : prompts) {
    if (label == *name) return text;
    known += (known.empty() ? "" : ", ") + tessera::quoted(label);
  }
  return fail({.code = error_code::not_found,
               .thing = "prompt",
               .wanted = known.empty() ? "none (this model has no prompts)" : "one of " + known,
               .found = tessera::quoted(*name)});
}

TESSERA_INLINE result<std::uint32_t> text_settings::task(std::string_view name) const {
  std::string known;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].name == name) return static_cast<std::uint32_t>(i);
    known += (known.empty() ? "" : ", ") + tessera::quoted(tasks[i].name);
  }
  return fail({.code = error_code::not_found,
               .thing = "task",
               .wanted = known.empty() ? "none (this model has no tasks)" : "one of " + known,
               .found = tessera::quoted(name)});
}

TESSERA_INLINE result<> text_settings::count_prompts() {
  counted.clear();
  if (pool_prompt || !tokens) return {};
  const auto count = [this](const std::string& text) -> result<> {
    TESSERA_TRY(const encoding alone, tokens->encode(text, {.add_special_tokens = special_tokens}));
    // Those before the end token, as sentence-transformers counts them.
    const bool ended = !alone.ids.empty() && tokens->end_id() == alone.ids.back();
    counted.push_back({text, alone.ids.size() - (ended ? 1 : 0)});
    return {};
  };
  for (const auto& [label, text] : prompts) TESSERA_CHECK(count(text));
  for (const model_task& task : tasks) TESSERA_CHECK(count(task.instruction));
  return {};
}

TESSERA_INLINE std::size_t text_settings::left_out_by(std::string_view prompt) const noexcept {
  for (const counted_prompt& known : counted)
    if (known.text == prompt) return prompt.empty() ? 0 : known.tokens;
  return 0;
}

}  // namespace tessera::inline TESSERA_ABI
