// SPDX-License-Identifier: Apache-2.0
/// The tokenizers of tessera::compiled.
#include <tessera/text/added_tokens-inl.hpp>
#include <tessera/text/bpe-inl.hpp>
#include <tessera/text/charsmap-inl.hpp>
#include <tessera/text/decoder-inl.hpp>
#include <tessera/text/encoding-inl.hpp>
#include <tessera/text/match_memory-inl.hpp>
#include <tessera/text/merge_rules-inl.hpp>
#include <tessera/text/normalizer-inl.hpp>
#include <tessera/text/padding-inl.hpp>
#include <tessera/text/pattern-inl.hpp>
#include <tessera/text/pattern_class-inl.hpp>
#include <tessera/text/piece_normalizer-inl.hpp>
#include <tessera/text/pre_tokenizer-inl.hpp>
#include <tessera/text/tokenizer-inl.hpp>
#include <tessera/text/tokenizer_file-inl.hpp>
#include <tessera/text/tokenizer_json-inl.hpp>
#include <tessera/text/trie-inl.hpp>
#include <tessera/text/unicode-inl.hpp>
#include <tessera/text/unicode_forms-inl.hpp>
#include <tessera/text/unigram-inl.hpp>
#include <tessera/text/vocabulary-inl.hpp>
#include <tessera/text/wordpiece-inl.hpp>
