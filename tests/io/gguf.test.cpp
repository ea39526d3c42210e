// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/gguf.hpp>
#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <limits>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::exact_bytes;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

/// Writes the format by its specification, number by number.
struct gguf_writer {
  std::string head;
  std::string values;
  std::string tensors;
  std::string data;
  std::uint64_t value_count = 0;
  std::uint64_t tensor_count = 0;
  std::uint32_t version = 3;
  std::size_t alignment = 32;

  static void text(std::string& out, std::string_view piece) {
    ts::append_le(out, std::uint64_t{piece.size()});
    out += piece;
  }
  void key(std::string_view name, std::uint32_t type) {
    text(values, name);
    ts::append_le(values, type);
    ++value_count;
  }
  template <class T>
  void value(std::string_view name, std::uint32_t type, T number) {
    key(name, type);
    ts::append_le(values, number);
  }
  void string(std::string_view name, std::string_view content) {
    key(name, 8);
    text(values, content);
  }
  void array(std::string_view name, std::uint32_t type, std::uint64_t count) {
    key(name, 9);
    ts::append_le(values, type);
    ts::append_le(values, count);
  }
  void tensor(std::string_view name, std::vector<std::uint64_t> fastest_first, std::uint32_t type,
              std::uint64_t offset) {
    text(tensors, name);
    ts::append_le(tensors, static_cast<std::uint32_t>(fastest_first.size()));
    for (const std::uint64_t extent : fastest_first) ts::append_le(tensors, extent);
    ts::append_le(tensors, type);
    ts::append_le(tensors, offset);
    ++tensor_count;
  }
  [[nodiscard]] std::string file() const {
    std::string out = "GGUF";
    ts::append_le(out, version);
    ts::append_le(out, tensor_count);
    ts::append_le(out, value_count);
    out += values + tensors;
    while (!data.empty() && out.size() % alignment != 0) out += '\0';
    return out + data;
  }
};

gguf_writer sample() {
  gguf_writer w;
  w.string("general.architecture", "bert");
  w.value("u8", 0, std::uint8_t{200});
  w.value("i8", 1, std::int8_t{-3});
  w.value("u16", 2, std::uint16_t{65535});
  w.value("i16", 3, std::int16_t{-300});
  w.value("u32", 4, std::uint32_t{4'000'000'000});
  w.value("i32", 5, std::int32_t{-70000});
  w.value("f32", 6, 0.25F);
  w.value("bool", 7, std::uint8_t{1});
  w.value("u64", 10, std::numeric_limits<std::uint64_t>::max());
  w.value("i64", 11, std::numeric_limits<std::int64_t>::min());
  w.value("f64", 12, -1e300);
  w.array("words", 8, 3);
  for (const char* word : {"a", "", "\xe2\x96\x81word"}) gguf_writer::text(w.values, word);
  w.array("ids", 5, 2);
  ts::append_le(w.values, std::int32_t{-1});
  ts::append_le(w.values, std::int32_t{7});
  w.array("none", 6, 0);
  w.tensor("matrix", {3, 2}, 0, 0);
  w.tensor("half", {4}, 1, 32);
  w.tensor("blocks", {64}, 8, 64);
  for (int i = 0; i < 6; ++i) ts::append_le(w.data, static_cast<float>(i));
  w.data.resize(32, '\0');
  for (int i = 0; i < 4; ++i) ts::append_le(w.data, ts::float16(static_cast<float>(i)).bits);
  w.data.resize(64 + 68, '\0');
  return w;
}

ts::result<ts::gguf> read(std::string_view text) {
  static std::unique_ptr<exact_bytes> kept;
  kept = std::make_unique<exact_bytes>(text);
  return ts::gguf::view(kept->bytes(), "m.gguf");
}

}  // namespace

TEST_CASE("gguf: metadata of every type", "[gguf]") {
  for (const std::uint32_t version : {2U, 3U}) {
    gguf_writer w = sample();
    w.version = version;
    ts::gguf opened = value_of(read(w.file()));
    const ts::gguf file = std::move(opened);
    CHECK(file.values().size() == 15);
    CHECK(file.path() == "m.gguf");
    CHECK(value_of(file.get<std::string>("general.architecture")) == "bert");
    CHECK(value_of(file.get<std::uint8_t>("u8")) == 200);
    CHECK(value_of(file.get<int>("i8")) == -3);
    CHECK(value_of(file.get<std::uint32_t>("u16")) == 65535);
    CHECK(value_of(file.get<int>("i16")) == -300);
    CHECK(value_of(file.get<std::uint32_t>("u32")) == 4'000'000'000);
    CHECK(value_of(file.get<std::int64_t>("i32")) == -70000);
    CHECK(value_of(file.get<float>("f32")) == 0.25F);
    CHECK(value_of(file.get<double>("i8")) == -3.0);
    CHECK(value_of(file.get<bool>("bool")));
    CHECK(value_of(file.get<std::uint64_t>("u64")) == std::numeric_limits<std::uint64_t>::max());
    CHECK(value_of(file.get<double>("u64")) == 18446744073709551616.0);
    CHECK(value_of(file.get<std::int64_t>("i64")) == std::numeric_limits<std::int64_t>::min());
    CHECK(value_of(file.get<double>("f64")) == -1e300);
    CHECK(value_of(file.list<std::string_view>("words")) == std::vector<std::string_view>{"a", "", "▁word"});
    CHECK(value_of(file.list<std::string>("words"))[2] == "▁word");
    CHECK(value_of(file.list<int>("ids")) == std::vector<int>{-1, 7});
    CHECK(value_of(file.list<float>("none")).empty());
    CHECK(value_of(file.at("words")).size() == 3);
  }
}

TEST_CASE("gguf: what is asked for wrongly is an error that names the key", "[gguf]") {
  const ts::gguf file = value_of(read(sample().file()));
  CHECK_THAT(message_of(file.get<std::uint32_t>("i8")),
             ContainsSubstring("i8: wanted an integer from 0 to 4294967295, found -3"));
  CHECK_THAT(message_of(file.get<std::int64_t>("u64")), ContainsSubstring("found 18446744073709551615"));
  CHECK_THAT(message_of(file.get<int>("f32")), ContainsSubstring("f32: wanted an integer, found f32"));
  CHECK_THAT(message_of(file.get<bool>("u8")), ContainsSubstring("wanted a boolean, found u8"));
  CHECK_THAT(message_of(file.get<std::string_view>("bool")), ContainsSubstring("wanted a string, found a boolean"));
  CHECK_THAT(message_of(file.get<double>("bool")), ContainsSubstring("wanted an integer"));
  CHECK_THAT(message_of(file.get<int>("ids")), ContainsSubstring("wanted a single value, found an array"));
  CHECK_THAT(message_of(file.list<int>("u8")), ContainsSubstring("wanted an array, found u8"));
  CHECK_THAT(message_of(file.list<std::uint32_t>("ids")), ContainsSubstring("found -1"));
  CHECK_THAT(message_of(file.get<int>("absent")), ContainsSubstring("m.gguf: absent: wanted this key, found none"));
  CHECK(file.find("absent") == nullptr);
}

TEST_CASE("gguf: tensors of numbers and of known blocks are read, others are named", "[gguf]") {
  const ts::gguf file = value_of(read(sample().file()));
  REQUIRE(file.tensors().size() == 3);
  const ts::tensor_view matrix = value_of(file.tensor("matrix"));
  CHECK(std::ranges::equal(matrix.shape, std::vector<std::size_t>{2, 3}));
  std::vector<float> six(6), four(4);
  succeed(ts::read_f32(matrix, six));
  CHECK(six == std::vector<float>{0, 1, 2, 3, 4, 5});
  succeed(ts::read_f32(value_of(file.tensor("half")), four));
  CHECK(four == std::vector<float>{0, 1, 2, 3});
  CHECK(file.tensors()[2].format == "Q8_0");
  CHECK(file.tensors()[2].bytes.size() == 68);
  CHECK(value_of(file.tensor("blocks")).type == ts::dtype::q8_0);
  CHECK(file.tensor("absent").error().code == ts::error_code::not_found);
  gguf_writer other;
  other.data.assign(36, '\0');
  other.tensor("newer", {64}, 20, 0);
  CHECK_THAT(message_of(value_of(read(other.file())).tensor("newer")), ContainsSubstring("Q5_K or Q6_K, found IQ4_NL"));
}

TEST_CASE("gguf: rules of the tensors", "[gguf]") {
  const auto with = [](auto change) {
    gguf_writer w;
    w.data.assign(128, '\0');
    change(w);
    return read(w.file());
  };
  CHECK(with([](gguf_writer& w) { w.tensor("a", {32}, 0, 0); }).has_value());
  CHECK(with([](gguf_writer& w) { w.tensor("a", {}, 0, 96); }).has_value());
  CHECK(with([](gguf_writer& w) { w.tensor("a", {0, 7}, 0, 0); }).has_value());
  for (const auto& extents :
       {std::vector<std::uint64_t>{0, std::uint64_t{1} << 63U}, std::vector<std::uint64_t>{std::uint64_t{1} << 63U, 0}})
    CHECK_FALSE(with([&](gguf_writer& w) { w.tensor("a", extents, 0, 0); }).has_value());
  const auto refused = [&](auto change) { return message_of(with(change)); };
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {33}, 0, 0); }),
             ContainsSubstring("\"a\": wanted data within the 128 bytes"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {1}, 0, 128); }), ContainsSubstring("wanted data within"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {1}, 0, std::numeric_limits<std::uint64_t>::max() - 31); }),
             ContainsSubstring("wanted data within"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {1}, 0, 4); }), ContainsSubstring("multiple of 32"));
  CHECK_THAT(refused([](gguf_writer& w) {
               w.tensor("a", {std::uint64_t{1} << 33U, std::uint64_t{1} << 33U}, 0, 0);
             }),
             ContainsSubstring("fewer than 2^64 elements"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {(std::uint64_t{1} << 62U) + 1}, 0, 0); }),
             ContainsSubstring("fewer than 2^64 bits"));
  CHECK_THAT(refused([](gguf_writer& w) {
               w.tensor("a", {1, 1, 1, 1, 1}, 0, 0);
             }),
             ContainsSubstring("at most 4 dimensions"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {1}, 4, 0); }),
             ContainsSubstring("a known tensor format, found number 4"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {33}, 8, 0); }),
             ContainsSubstring("rows of a multiple of 32 for Q8_0"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {}, 8, 0); }), ContainsSubstring("for Q8_0, found one number"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {1}, 0, 0), w.tensor("a", {1}, 0, 32); }),
             ContainsSubstring("\"a\" twice"));
  CHECK_THAT(refused([](gguf_writer& w) { w.tensor("a", {9}, 0, 0), w.tensor("b", {1}, 0, 32); }),
             ContainsSubstring("share byte"));
}

TEST_CASE("gguf: the alignment is the file's own", "[gguf]") {
  gguf_writer w;
  w.alignment = 128;
  w.value("general.alignment", 4, std::uint32_t{128});
  w.tensor("a", {1}, 0, 128);
  w.data.assign(128, '\0');
  ts::append_le(w.data, 2.5F);
  const ts::gguf file = value_of(read(w.file()));
  std::vector<float> one(1);
  succeed(ts::read_f32(value_of(file.tensor("a")), one));
  CHECK(one[0] == 2.5F);
  for (const std::uint32_t bad : {0U, 3U, 48U}) {
    gguf_writer other;
    other.value("general.alignment", 4, bad);
    CHECK_THAT(message_of(read(other.file())), ContainsSubstring("wanted a power of two"));
  }
}

TEST_CASE("gguf: counts and lengths are checked before they are used", "[gguf]") {
  constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t count : {top, top / 8, std::uint64_t{1} << 40U, std::uint64_t{100}}) {
    gguf_writer w = sample();
    w.value_count = count;
    CHECK_FALSE(read(w.file()).has_value());
    w = sample();
    w.tensor_count = count;
    CHECK_FALSE(read(w.file()).has_value());
    w = gguf_writer();
    w.array("a", 8, count);
    CHECK_THAT(message_of(read(w.file())), ContainsSubstring("that fit the file"));
    w = gguf_writer();
    w.array("a", 12, count);
    CHECK_FALSE(read(w.file()).has_value());
    w = gguf_writer();
    w.key("a", 8);
    ts::append_le(w.values, count);
    CHECK_FALSE(read(w.file()).has_value());
  }
  const auto refused = [](auto change) {
    gguf_writer w;
    change(w);
    return message_of(read(w.file()));
  };
  CHECK_THAT(refused([](gguf_writer& w) { w.string("k", "a"), w.string("k", "b"); }),
             ContainsSubstring("key \"k\" twice"));
  CHECK_THAT(refused([](gguf_writer& w) { w.array("k", 9, 0); }), ContainsSubstring("an array of arrays"));
  CHECK_THAT(refused([](gguf_writer& w) { w.key("k", 13); }), ContainsSubstring("a value type of 0 to 12, found 13"));
  CHECK_THAT(refused([](gguf_writer& w) { w.value("k", 7, std::uint8_t{2}); }),
             ContainsSubstring("wanted 0 or 1, found 2"));
  CHECK_THAT(refused([](gguf_writer& w) { w.version = 1; }), ContainsSubstring("version: wanted 2 or 3, found 1"));
  CHECK_THAT(refused([](gguf_writer& w) { w.version = 0x03000000; }), ContainsSubstring("a big-endian file"));
  CHECK_THAT(message_of(read("GGML....")), ContainsSubstring("found \"GGML\""));
  CHECK_THAT(message_of(read("version https://git-lfs")), ContainsSubstring("Git LFS pointer"));
  CHECK_FALSE(read("").has_value());
}

TEST_CASE("gguf: cut or changed anywhere, a file is read or refused, never more", "[gguf]") {
  const std::string whole = sample().file();
  REQUIRE(read(whole).has_value());
  tessera_tests::each_truncation(whole,
                                 [](std::string_view text, std::size_t) { CHECK_FALSE(read(text).has_value()); });
  int loaded = 0;
  tessera_tests::each_flip(whole, [&](std::string_view text, std::size_t) {
    const auto file = read(text);
    if (!file) return;
    ++loaded;
    for (const ts::gguf_value& value : file->values()) {
      static_cast<void>(value.list<std::string_view>());
      static_cast<void>(value.list<double>());
      static_cast<void>(value.get<std::string_view>());
      static_cast<void>(value.get<std::int16_t>());
      static_cast<void>(value.get<bool>());
    }
    for (const ts::gguf_tensor& described : file->tensors())
      if (const auto tensor = file->tensor(described.name)) {
        std::vector<float> floats(ts::element_count(*tensor));
        static_cast<void>(ts::read_f32(*tensor, floats));
      }
  });
  CHECK(loaded > 0);
}

TEST_CASE("gguf: a published vocabulary", "[gguf]") {
  const auto path = fixture("gguf/ggml-vocab-bert-bge.gguf").string();
  const ts::gguf file = value_of(ts::gguf::open(path));
  CHECK(value_of(file.get<std::string_view>("tokenizer.ggml.model")) == "bert");
  CHECK(value_of(file.get<std::uint32_t>("bert.embedding_length")) == 384);
  CHECK_FALSE(value_of(file.get<bool>("bert.attention.causal")));
  const auto tokens = value_of(file.list<std::string_view>("tokenizer.ggml.tokens"));
  REQUIRE(tokens.size() == 30522);
  CHECK(tokens[0] == "[PAD]");
  CHECK(tokens[101] == "[CLS]");
  CHECK(tokens[1996] == "▁the");
  CHECK(value_of(file.list<int>("tokenizer.ggml.token_type")).size() == tokens.size());
  succeed(file.file().unchanged());
}

TEST_CASE("gguf: blocks are read as ggml's own package reads them", "[gguf]") {
  const ts::gguf file = value_of(ts::gguf::open(fixture("gguf/blocks.gguf").string()));
  const ts::safetensors expected = value_of(ts::safetensors::open(fixture("gguf/blocks.expected.safetensors").string()));
  REQUIRE(file.tensors().size() == 8);
  for (const ts::gguf_tensor& described : file.tensors()) {
    INFO(described.name);
    CHECK(described.format == described.name);
    const ts::tensor_view tensor = value_of(file.tensor(described.name));
    CHECK(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size());
    std::vector<float> found(ts::element_count(tensor));
    succeed(ts::read_f32(tensor, found));
    succeed(ts::check_finite(tensor));
    const ts::tensor_view wanted = value_of(expected.at(described.name));
    REQUIRE(wanted.bytes.size() == found.size() * sizeof(float));
    CHECK(std::memcmp(found.data(), wanted.bytes.data(), wanted.bytes.size()) == 0);
  }
}

TEST_CASE("gguf: blocks fill rows, and their scales are numbers", "[gguf]") {
  CHECK_FALSE(ts::storage_bytes(ts::dtype::q8_0, std::vector<std::size_t>{2, 33}).has_value());
  CHECK_FALSE(ts::storage_bytes(ts::dtype::q8_0, std::vector<std::size_t>{}).has_value());
  CHECK(ts::storage_bytes(ts::dtype::q8_0, std::vector<std::size_t>{2, 64}) == 136);
  CHECK_FALSE(ts::storage_bytes(ts::dtype::q4_k, std::vector<std::size_t>{std::size_t{1} << 62, 256}).has_value());
  CHECK_FALSE(ts::dtype_from_name("Q8_0").has_value());
  std::vector<std::byte> block(68);
  const std::vector<std::size_t> shape = {64};
  const ts::tensor_view tensor{.name = "t", .type = ts::dtype::q8_0, .shape = shape, .bytes = block, .file = {}};
  succeed(ts::check_finite(tensor));
  block[35] = std::byte{0x7c};  // infinity, as the second block's scale
  CHECK_THAT(message_of(ts::check_finite(tensor)), ContainsSubstring("t[32]"));
  CHECK_THAT(message_of(ts::write_safetensors("/nonexistent/x", std::span(&tensor, 1))), ContainsSubstring("Q8_0"));
}
