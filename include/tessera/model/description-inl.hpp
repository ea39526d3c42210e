// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/description.hpp.
#pragma once

#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::vector<naming::candidate> naming::published(std::string_view ours, std::span<const published_name> table) {
  std::vector<candidate> fitting;
  const auto add = [&](const published_name& rule, std::string name) {
    fitting.push_back({std::move(name), rule.part, rule.parts, rule.rows, rule.factors, rule.more, rule.cut, rule.stack});
  };
  for (const published_name& rule : table) {
    const std::size_t hole = rule.ours.find("{}");
    if (hole == std::string_view::npos) {
      if (ours.starts_with(rule.ours)) add(rule, std::string(rule.theirs) + std::string(ours.substr(rule.ours.size())));
      continue;
    }
    if (!ours.starts_with(rule.ours.substr(0, hole))) continue;
    const std::string_view rest = ours.substr(hole);
    const std::size_t digits = rest.find_first_not_of("0123456789");
    const std::string_view after = rule.ours.substr(hole + 2);
    if (digits == 0 || digits == std::string_view::npos || !rest.substr(digits).starts_with(after)) continue;
    const std::size_t place = rule.theirs.find("{}");
    add(rule, std::string(rule.theirs.substr(0, place)) + std::string(rest.substr(0, digits)) +
                  std::string(rule.theirs.substr(place + 2)) + std::string(rest.substr(digits + after.size())));
  }
  if (fitting.empty()) fitting.push_back({std::string(ours)});
  return fitting;
}

TESSERA_INLINE std::vector<tensor_entry> model_description::manifest() const {
  std::vector<tensor_entry> all = encoder.manifest;
  auto add = [&all](const tensor_entry& entry) { all.push_back(entry); };
  const tensor_sink sink(add);
  for (std::size_t i = 0; i < dense.size(); ++i)
    described::linear(i == 0 ? sink.scope("dense") : sink.scope("dense", i), dense[i].in, dense[i].out, dense[i].bias);
  return all;
}

TESSERA_INLINE std::string type_text(const model_description& model, std::string_view name, pooling mode, std::string_view weights) {
  if (model.rerank) {
    // Only where a family has several heads does its type say which.
    std::string text = "tessera::" + std::string(model.encoder.family) + "_reranker<" + model.encoder.shape;
    const rerank_head& head = *model.rerank;
    const bool plain = head == rerank_head{} || head.answers;
    if (!plain || weights != f32::label) text += ", tessera::" + std::string(weights);
    if (!plain)
      text += ", tessera::pooling::" + std::string(to_string(head.pooling_mode)) + ", tessera::" + std::string(to_string(head.activation)) +
              ", tessera::" + (head.bias ? "with_bias" : "without_bias");
    return text + ">";
  }
  std::string space_name;
  for (const char c : name) space_name += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
  std::string text = "tessera::" + std::string(model.encoder.family) + "<tessera::space<\"" + space_name + "\", " +
                     std::to_string(model.dimension) +
                     ", tessera::pooling::" + std::string(to_string(model.pooling_mode.value_or(mode))) +
                     (model.normalize ? ", tessera::unit_length>" : ">") + ", " + model.encoder.shape;
  if (!model.dense.empty() || weights != f32::label) text += ", tessera::" + std::string(weights);
  for (const dense_head& head : model.dense)
    text += ", tessera::dense<" + std::to_string(head.in) + ", " + std::to_string(head.out) + ", tessera::" +
            std::string(to_string(head.activation)) + (head.bias ? ">" : ", tessera::without_bias>");
  return text + ">";
}

TESSERA_INLINE std::vector<error> compare(const model_description& wanted, const model_description& found,
                                          const model_directory& directory) {
  std::vector<error> differences;
  const auto differ = [&](std::string_view thing, std::string want, std::string have, const std::string& path) {
    if (want != have)
      differences.push_back({.code = error_code::mismatch,
                             .thing = std::string(thing),
                             .wanted = std::move(want),
                             .found = std::move(have),
                             .path = path});
  };
  const std::string config = directory.encoder_file("config.json");
  if (wanted.encoder.family.empty()) {
    // Such a type takes its numbers from itself alone.
  } else if (wanted.encoder.family != found.encoder.family) {
    differ("architecture", std::string(wanted.encoder.family), std::string(found.encoder.family), config);
  } else {
    for (std::size_t i = 0; i < wanted.encoder.settings.size() && i < found.encoder.settings.size(); ++i)
      differ(wanted.encoder.settings[i].key, wanted.encoder.settings[i].value, found.encoder.settings[i].value, config);
  }
  const auto made = [](const model_description& model) {
    if (!model.rerank) return std::string("vectors");
    if (model.rerank->answers) return std::string("scores from the answers yes and no");
    return "scores from a classifier after " + std::string(to_string(model.rerank->pooling_mode)) + " pooling and " +
           std::string(to_string(model.rerank->activation)) + (model.rerank->bias ? "" : " without bias");
  };
  differ("what the model makes", made(wanted), wanted.encoder.family.empty() ? made(wanted) : made(found), config);
  if (!directory.has_modules || wanted.rerank) return differences;
  const std::string modules = directory.file("modules.json");
  const auto mode = [](const model_description& model) {
    return std::string(model.pooling_mode ? to_string(*model.pooling_mode) : "none");
  };
  differ("pooling", mode(wanted), mode(found), modules);
  if (!directory.is_gguf && !wanted.own_ending)  // no GGUF file says
    differ("normalisation to unit length", wanted.normalize ? "a Normalize module" : "none",
           found.normalize ? "a Normalize module" : "none", modules);
  const auto heads = [](const model_description& model) {
    std::string text;
    for (const dense_head& head : model.dense)
      text += (text.empty() ? "dense " : ", then ") + std::to_string(head.in) + " to " + std::to_string(head.out) + " with " +
              std::string(to_string(head.activation)) + (head.bias ? "" : " without bias");
    return text.empty() ? std::string("none") : text;
  };
  differ("dense modules", heads(wanted), heads(found), modules);
  return differences;
}

}  // namespace tessera::inline TESSERA_ABI
