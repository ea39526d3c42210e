// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/*.json text/bad/*/*.json
// Any text: refused, or read into a document that, written out and read again, is the same document.
#include <tests/fuzz/target.hpp>

#include <tessera/io/json.hpp>
#include <tessera/io/json_fault-inl.hpp>
#include <tessera/io/mapped_file.hpp>

#include <string>

namespace ts = tessera;

namespace {

void write_text(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '"' && c != '\\') {
      out += c;
      continue;
    }
    out += "\\u00";
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  out += '"';
}

void write(std::string& out, ts::json_value value) {
  switch (value.kind()) {
    case ts::json_kind::null: out += "null"; break;
    case ts::json_kind::boolean: out += *value.get<bool>() ? "true" : "false"; break;
    case ts::json_kind::integer:
      if (const auto number = value.get<std::int64_t>()) out += std::to_string(*number);
      else out += std::to_string(*value.get<std::uint64_t>());
      break;
    case ts::json_kind::real: {
      char digits[40];
      const int length = std::snprintf(digits, sizeof digits, "%.17e", *value.get<double>());
      out.append(digits, static_cast<std::size_t>(length));
      break;
    }
    case ts::json_kind::string: write_text(out, *value.get<std::string_view>()); break;
    case ts::json_kind::array: {
      const auto elements = value.elements();
      std::size_t seen = 0;
      out += '[';
      for (const ts::json_value element : *elements) {
        if (seen++ != 0) out += ',';
        write(out, element);
      }
      out += ']';
      tessera_fuzz::promise(seen == value.size(), "an array has as many elements as it says");
      break;
    }
    case ts::json_kind::object: {
      const auto members = value.members();
      std::size_t seen = 0;
      out += '{';
      for (const auto& [key, member] : *members) {
        if (seen++ != 0) out += ',';
        write_text(out, key);
        out += ':';
        write(out, member);
        if (seen == 1) tessera_fuzz::promise(value.find(key).has_value(), "a key that is there is found");
      }
      out += '}';
      tessera_fuzz::promise(seen == value.size(), "an object has as many members as it says");
      break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  const auto document = ts::parse_json(text, "fuzz.json");
  // Two readers of our own judge the syntax: simdjson, and the automaton that says where a refused text is wrong.
  const auto fault = ts::detail::find_json_fault(text);
  if (!document) {
    const ts::error& error = document.error();
    const bool beyond_syntax =
        error.wanted == "each key once" || error.found == "a byte order mark" || error.found == ts::git_lfs_pointer;
    tessera_fuzz::promise(fault.has_value() || beyond_syntax, "a refused text has a fault");
    tessera_fuzz::promise(!error.message().empty() && error.path == "fuzz.json", "an error names the file");
    return 0;
  }
  tessera_fuzz::promise(!fault.has_value(), "a text that was read has no fault");
  std::string once;
  write(once, document->root());
  const auto again = ts::parse_json(once, "again.json");
  tessera_fuzz::promise(again.has_value(), "what was read is JSON");
  std::string twice;
  write(twice, again->root());
  tessera_fuzz::promise(once == twice, "a document written and read again is the same");
  return 0;
}
