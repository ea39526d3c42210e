// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/json.hpp>

#include <cmath>
#include <limits>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::exact_bytes;
using tessera_tests::message_of;
using tessera_tests::value_of;

namespace {

ts::result<ts::json> parse(std::string_view text) { return ts::parse_json(exact_bytes(text).text(), "config.json"); }

/// Touches everything a document holds, so that a sanitizer sees what is out of bounds.
std::size_t walk(ts::json_value value) {
  std::size_t seen = value.description().size() + value.key_path().size();
  if (value.is_array())
    for (const ts::json_value element : value_of(value.elements())) seen += walk(element);
  if (value.is_object())
    for (const auto& [key, member] : value_of(value.members())) seen += key.size() + walk(member);
  return seen;
}

}  // namespace

TEST_CASE("json: every kind of value", "[json]") {
  const ts::json document = value_of(parse(
      R"({"n": null, "t": true, "f": false, "i": -7, "u": 18446744073709551615, "r": 2.5, "s": "aé\n😀", "a": [1, [], {}], "o": {"k": 1}})"));
  const ts::json_value root = document.root();
  CHECK(document.path() == "config.json");
  CHECK(root.kind() == ts::json_kind::object);
  CHECK(root.size() == 9);
  CHECK(value_of(root.at("n")).is_null());
  CHECK(value_of(root.get<bool>("t")));
  CHECK_FALSE(value_of(root.get<bool>("f")));
  CHECK(value_of(root.get<int>("i")) == -7);
  CHECK(value_of(root.get<std::uint64_t>("u")) == std::numeric_limits<std::uint64_t>::max());
  CHECK(value_of(root.get<double>("u")) == 18446744073709551616.0);
  CHECK(value_of(root.get<double>("i")) == -7.0);
  CHECK(value_of(root.get<float>("r")) == 2.5F);
  CHECK(value_of(root.get<std::string>("s")) == "a\u00e9\n\U0001F600");
  CHECK(value_of(root.get<std::string_view>("s")).size() == 8);
  CHECK(value_of(root.at("a")).size() == 3);
  CHECK(value_of(root.at("r")).size() == 0);
  CHECK(value_of(value_of(root.at("o")).get<int>("k")) == 1);
}

TEST_CASE("json: numbers keep all their bits", "[json]") {
  CHECK(value_of(value_of(parse("-9223372036854775808")).root().get<std::int64_t>()) ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(value_of(value_of(parse("9007199254740993")).root().get<std::int64_t>()) == 9007199254740993);
  CHECK(value_of(value_of(parse("0.1")).root().get<double>()) == 0.1);
  CHECK(value_of(value_of(parse("5e-324")).root().get<double>()) == std::numeric_limits<double>::denorm_min());
  CHECK(value_of(value_of(parse("1.7976931348623157e308")).root().get<double>()) == std::numeric_limits<double>::max());
  CHECK(value_of(value_of(parse("512.0")).root().integral()) == 512);
  CHECK(value_of(value_of(parse("-3e2")).root().integral()) == -300);
  CHECK(value_of(value_of(parse("7")).root().integral()) == 7);
  CHECK_FALSE(value_of(parse("0.5")).root().integral().has_value());
  CHECK_FALSE(value_of(parse("1e300")).root().integral().has_value());
  CHECK_FALSE(value_of(parse("512.0")).root().get<int>().has_value());
}

TEST_CASE("json: integers are checked against the type asked for", "[json]") {
  const ts::json document = value_of(parse(R"({"a": 255, "b": 256, "c": -1, "d": -129, "e": 9223372036854775808})"));
  const ts::json_value root = document.root();
  CHECK(value_of(root.get<std::uint8_t>("a")) == 255);
  CHECK(message_of(root.get<std::uint8_t>("b")) ==
        "config.json: b: wanted an integer from 0 to 255, found the integer 256");
  CHECK(message_of(root.get<std::uint64_t>("c")) ==
        "config.json: c: wanted an integer from 0 to 18446744073709551615, found the integer -1");
  CHECK(value_of(root.get<std::int8_t>("c")) == -1);
  CHECK_FALSE(root.get<std::int8_t>("d").has_value());
  CHECK_FALSE(root.get<std::int64_t>("e").has_value());
  CHECK(value_of(root.get<std::uint64_t>("e")) == 9223372036854775808U);
}

TEST_CASE("json: errors name the file, the key path, what was wanted and what was found", "[json]") {
  const ts::json document =
      value_of(parse(R"({"model": {"vocab": [{"id": 0}, {"id": "x"}], "size": 1.5, "none": null}})"));
  const ts::json_value model = value_of(document.root().at("model"));
  auto element = value_of(value_of(model.at("vocab")).elements()).begin();
  const ts::json_value second = *++element;
  CHECK(message_of(second.get<int>("id")) ==
        "config.json: model.vocab[1].id: wanted an integer, found the string \"x\"");
  CHECK(message_of(model.get<unsigned>("size")) ==
        "config.json: model.size: wanted an unsigned integer, found a number");
  CHECK(message_of(model.get<bool>("size")) == "config.json: model.size: wanted a boolean, found a number");
  CHECK(message_of(model.get<std::string>("none")) == "config.json: model.none: wanted a string, found null");
  CHECK(message_of(model.get<double>("vocab")) == "config.json: model.vocab: wanted a number, found an array");
  CHECK(message_of(value_of(model.at("vocab")).members()) ==
        "config.json: model.vocab: wanted an object, found an array");
  CHECK(message_of(model.elements()) == "config.json: model: wanted an array, found an object");
  CHECK(message_of(second.at("name")) == "config.json: model.vocab[1].name: wanted this key, found none");
  CHECK(second.at("name").error().code == ts::error_code::not_found);
  CHECK(second.get<int>("id").error().code == ts::error_code::mismatch);
  CHECK(message_of(value_of(model.at("size")).get<int>("x")) ==
        "config.json: model.size: wanted an object, found a number");
  CHECK(document.root().key_path().empty());
}

TEST_CASE("json: absent and null members are told from wrong ones", "[json]") {
  const ts::json document = value_of(parse(R"({"null": null, "five": 5, "text": "t"})"));
  const ts::json_value root = document.root();
  CHECK(value_of(root.get_or<int>("absent", 3)) == 3);
  CHECK(value_of(root.get_or<int>("null", 3)) == 3);
  CHECK(value_of(root.get_or<int>("five", 3)) == 5);
  CHECK_FALSE(root.get_or<int>("text", 3).has_value());
  CHECK_FALSE(value_of(root.get_optional<int>("absent")).has_value());
  CHECK_FALSE(value_of(root.get_optional<int>("null")).has_value());
  CHECK(value_of(root.get_optional<int>("five")) == 5);
  CHECK_FALSE(root.get_optional<int>("text").has_value());
  CHECK_FALSE(root.find("absent").has_value());
  CHECK(root.find("null")->is_null());
  CHECK_FALSE(value_of(root.at("five")).get_or<int>("x", 1).has_value());
  CHECK_FALSE(value_of(root.at("five")).find("x").has_value());
}

TEST_CASE("json: members and elements come in file order", "[json]") {
  const ts::json document = value_of(parse(R"({"z": [3, [1, 2], 1], "a": {"q": {}}, "m": 0, "": "empty key"})"));
  std::string keys;
  for (const auto& [key, value] : value_of(document.root().members()))
    keys += std::string(key) + '|' + value.key_path() + ' ';
  CHECK(keys == "z|z a|a m|m | ");
  std::vector<std::size_t> sizes;
  for (const ts::json_value element : value_of(value_of(document.root().at("z")).elements()))
    sizes.push_back(element.size());
  CHECK(sizes == std::vector<std::size_t>{0, 2, 0});
  CHECK(value_of(value_of(parse("[]")).root().elements()).empty());
  CHECK(value_of(value_of(parse("{}")).root().members()).empty());
}

TEST_CASE("json: values stay valid when the document moves", "[json]") {
  ts::json document = value_of(parse(R"({"k": "value"})"));
  const ts::json_value value = value_of(document.root().at("k"));
  const auto text = value_of(value.get<std::string_view>());
  const ts::json moved = std::move(document);
  CHECK(value_of(value.get<std::string_view>()) == "value");
  CHECK(text.data() == value_of(moved.root().get<std::string_view>("k")).data());
}

TEST_CASE("json: a key twice is an error wherever it stands", "[json]") {
  CHECK(message_of(parse(R"({"a": 1, "b": 2, "a": 3})")) ==
        R"(config.json: wanted each key once, found key "a" twice)");
  CHECK(message_of(parse(R"({"x": [0, {"k": 1, "\u006b": 1}]})")) ==
        R"(config.json: x[1]: wanted each key once, found key "k" twice)");
  CHECK(parse(R"({"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]})").has_value());
  CHECK_FALSE(parse(R"({"": 1, "": 2})").has_value());
  std::string many = "{";
  for (int i = 0; i < 30'000; ++i) many += "\"token" + std::to_string(i) + "\": " + std::to_string(i) + ", ";
  CHECK(value_of(parse(many + "\"last\": 0}")).root().size() == 30'001);
  CHECK_THAT(message_of(parse(many + "\"token12345\": 0}")), ContainsSubstring("key \"token12345\" twice"));
}

TEST_CASE("json: nesting is bounded before anything is built", "[json]") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse(nested(ts::json::max_depth)).has_value());
  CHECK_THAT(message_of(parse(nested(ts::json::max_depth + 1))), ContainsSubstring("nesting"));
  CHECK_FALSE(parse(nested(200'000)).has_value());
  CHECK_FALSE(parse(std::string(1'000'000, '[')).has_value());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_FALSE(parse(objects).has_value());
}

TEST_CASE("json: text that is not JSON is refused", "[json]") {
  const char* const refused[] = {"",
                                 " ",
                                 "{",
                                 "}",
                                 "[",
                                 "]",
                                 "nul",
                                 "tru",
                                 "TRUE",
                                 "NaN",
                                 "Infinity",
                                 "-Infinity",
                                 "-",
                                 "+1",
                                 "01",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "0x10",
                                 "1 2",
                                 "[1,]",
                                 "[,1]",
                                 "[1 2]",
                                 "{\"a\" 1}",
                                 "{\"a\":}",
                                 "{a: 1}",
                                 "{'a': 1}",
                                 "{\"a\":1,}",
                                 "{,}",
                                 "[1}",
                                 "{\"a\":1]",
                                 "\"",
                                 "\"a",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\t\"",
                                 "\"a\nb\"",
                                 "// c\n1",
                                 "[1] x",
                                 "\xef\xbb\xbf{}",
                                 "\"\\ud800\"",
                                 "\"\\udc00\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\ud800\\ud800\"",
                                 "{\"\\udfff\": 1}",
                                 "1e400",
                                 "-1e400",
                                 "18446744073709551616",
                                 "-9223372036854775809",
                                 "\"\xff\"",
                                 "\"\xc0\x80\"",
                                 "\"\xed\xa0\x80\"",
                                 "\"\xf4\x90\x80\x80\"",
                                 "\"\xe2\x82\"",
                                 "\"\x80\"",
                                 "[\xa0]"};
  for (const char* text : refused) {
    INFO(text);
    const auto outcome = parse(text);
    CHECK_FALSE(outcome.has_value());
    if (!outcome) CHECK(outcome.error().path == "config.json");
    if (!outcome) CHECK(outcome.error().code == ts::error_code::malformed);
  }
  CHECK_FALSE(ts::parse_json(std::string_view("[1\0]", 4)).has_value());
  CHECK_FALSE(ts::parse_json(std::string_view("{}\0", 3)).has_value());
  CHECK_FALSE(ts::parse_json(std::string_view()).has_value());
}

TEST_CASE("json: odd but legal text is read", "[json]") {
  for (const char* text :
       {"0", "-0", "  1  ", "\r\n[\t]", "\"\"", "\"\\/\\\"\\b\"", "[[[]]]", "1E+2", "1e-400", "\"\\u0000\"",
        "\"\xf4\x8f\xbf\xbf\"", "\"\xed\x9f\xbf\"", "\"\\ud83d\\ude00\"", "\"\x7f\""}) {
    INFO(text);
    CHECK(parse(text).has_value());
  }
  CHECK(value_of(value_of(parse("\"\\u0000x\"")).root().get<std::string>()) == std::string("\0x", 2));
}

TEST_CASE("json: cut or changed anywhere, a document is read or refused, never more", "[json]") {
  const std::string whole =
      R"({"a": [1, -2.5e3, "xé\u00e9\ud83d\ude00"], "b": {"c": null, "d": true}, "e": 18446744073709551615})";
  REQUIRE(parse(whole).has_value());
  tessera_tests::each_truncation(whole,
                                 [](std::string_view text, std::size_t) { CHECK_FALSE(parse(text).has_value()); });
  int read = 0;
  tessera_tests::each_flip(whole, [&](std::string_view text, std::size_t) {
    if (const auto document = parse(text)) read += walk(document->root()) > 0;
  });
  CHECK(read > 0);
}

TEST_CASE("json: a refused text is located", "[json]") {
  const auto at = [](std::string_view text) {
    const auto outcome = parse(text);
    REQUIRE_FALSE(outcome.has_value());
    return message_of(outcome).substr(std::string_view("config.json ").size());
  };
  CHECK(at("{\"a\": 1,}") == "(byte 8): wanted a key in quotes, found \"}\"");
  CHECK(at("[1, 2") == "(byte 5): wanted ',' or ']', found the end");
  CHECK(at("{\"a\" 1}") == "(byte 5): wanted ':', found \"1\"");
  CHECK(at("[1, nul]") == "(byte 4): wanted a value, found \"n\"");
  CHECK(at("[-x]") == "(byte 2): wanted a digit, found \"x\"");
  CHECK(at("[1.]") == "(byte 3): wanted a digit, found \"]\"");
  CHECK(at("[1e+]") == "(byte 4): wanted a digit, found \"]\"");
  CHECK(at("[01]") == "(byte 2): wanted ',' or ']', found \"1\"");
  CHECK(at("[1e400]") == "(byte 1): wanted a number in the range of double, found \"1\"");
  CHECK(at("[-0.0001e400]") == "(byte 1): wanted a number in the range of double, found \"-\"");
  CHECK(at("[18446744073709551616]") == "(byte 1): wanted an integer of 64 bits, found \"1\"");
  CHECK(at("\"ab") == "(byte 3): wanted '\"', found the end");
  CHECK(at("\"a\nb\"") == "(byte 2): wanted an escape for this control character, found \"\\x0a\"");
  CHECK(at("\"\\q\"") == "(byte 1): wanted an escape of JSON, found \"\\\\\"");
  CHECK(at("\"\\u12g4\"") == "(byte 1): wanted four hexadecimal digits, found \"\\\\\"");
  CHECK(at("\"\\ud800x\"") == "(byte 1): wanted a whole surrogate pair, found \"\\\\\"");
  CHECK(at("[\"\xc3\xa9\xff\"]") == "(byte 4): wanted UTF-8, found \"\\xff\"");
  CHECK(at("{} é") == "(byte 3): wanted the end, found \"é\"");
  CHECK(at(std::string(65, '[')) == "(byte 64): wanted at most 64 levels of nesting, found \"[\"");
  CHECK(parse("[1e-400, 0e999, -0.000e999999999999999999999, 1e-99999999999999999999]").has_value());
  CHECK_THAT(message_of(ts::parse_json("x", "f", 8)), ContainsSubstring("f (byte 8)"));
}

TEST_CASE("json: the damaged and the whole files get their verdict", "[json]") {
  for (const char* name : {"tokenizer_truncated.json", "tokenizer_not_json.json", "tokenizer_deep_nested.json",
                           "config_deep_nested/config.json", "config_truncated/config.json"}) {
    const auto path = fixture(std::string("text/bad/") + name).string();
    const auto outcome = ts::read_json(path);
    INFO(name);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().path == path);
  }
  for (const char* name :
       {"manifest.json", "ok_tokenizer.json", "ok_model/config.json", "ok_shards/model.safetensors.index.json"})
    CHECK(walk(value_of(ts::read_json(fixture(std::string("text/bad/") + name).string())).root()) > 0);
  CHECK(ts::read_json("/nonexistent/config.json").error().code == ts::error_code::not_found);
  CHECK_THAT(message_of(ts::read_json(fixture("text/bad/weights_is_git_lfs_pointer/model.safetensors").string())),
             ContainsSubstring("Git LFS pointer"));
}
