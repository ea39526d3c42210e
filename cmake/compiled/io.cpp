// SPDX-License-Identifier: Apache-2.0
// The readers of tessera::compiled: every non-template definition of io/, compiled once.
#include <tessera/io/atomic_file-inl.hpp>
#include <tessera/io/faiss-inl.hpp>
#include <tessera/io/gguf-inl.hpp>
#include <tessera/io/hnswlib-inl.hpp>
#include <tessera/io/index_parts-inl.hpp>
#include <tessera/io/json-inl.hpp>
#include <tessera/io/mapped_file-inl.hpp>
#include <tessera/io/npy-inl.hpp>
#include <tessera/io/onnx-inl.hpp>
#include <tessera/io/safetensors-inl.hpp>
#include <tessera/io/sha256-inl.hpp>
#include <tessera/io/tensor-inl.hpp>
#include <tessera/io/usearch-inl.hpp>
#include <tessera/io/weights-inl.hpp>
