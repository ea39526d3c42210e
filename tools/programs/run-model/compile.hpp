// SPDX-License-Identifier: Apache-2.0
/// Compiles the type that a header declares, once: a shared object in the build folder whose name is a digest of everything that went
/// into it. Its undefined symbols are the library's in this program.
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/sha256.hpp>
#include <tools/programs/run-model/any_model.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace programs {

/// Where things are; the build says (CMakeLists.txt beside this file).
struct compile_settings {
  std::string compiler = TESSERA_MODEL_COMPILER;
  std::string version = TESSERA_MODEL_COMPILER_VERSION;
  std::string flags = TESSERA_MODEL_FLAGS;    ///< a file of compiler options
  std::string source = TESSERA_SOURCE_DIR;    ///< the tree
  std::string objects = TESSERA_MODEL_CACHE;  ///< where compiled types are kept
};

/// One holder at a time over all processes; released with its end.
class file_lock {
 public:
  [[nodiscard]] static ts::result<file_lock> take(const std::string& path) {
    file_lock lock;
    lock.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock.descriptor_ < 0)
      return ts::fail({.code = ts::error_code::io, .thing = "cannot open the lock", .path = path, .system = errno});
    if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
    std::fprintf(stderr, "waiting for another call that compiles this model's type ...\n");
    while (::flock(lock.descriptor_, LOCK_EX) != 0)
      if (errno != EINTR) return ts::fail({.code = ts::error_code::io, .thing = "cannot lock", .path = path, .system = errno});
    return lock;
  }
  file_lock(file_lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  file_lock& operator=(file_lock&&) = delete;
  ~file_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  file_lock() = default;
  int descriptor_ = -1;
};

/// Name and contents of every header of the library and of the files compiled with the type, in order of their names.
[[nodiscard]] inline ts::result<std::string> sources_of(const compile_settings& settings) {
  std::vector<std::string> files = {settings.source + "/tools/programs/run-model/any_model.hpp",
                                    settings.source + "/tools/programs/run-model/model.cpp", settings.flags};
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator place(settings.source + "/include", failed), end; !failed && place != end;
       place.increment(failed))
    if (place->path().extension() == ".hpp") files.push_back(place->path().string());
  if (failed)
    return ts::fail({.code = ts::error_code::io, .thing = "cannot list the headers", .path = settings.source, .system = failed.value()});
  std::ranges::sort(files);
  std::string all;
  for (const std::string& name : files) {
    TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(name));
    all += name + '\0' + std::to_string(file.size()) + '\0';
    all += file.text();
  }
  return all;
}

/// Runs the compiler; what it says goes to stderr. Error: io, where it fails.
[[nodiscard]] inline ts::result<> run_compiler(const compile_settings& settings, const std::string& header, const std::string& object) {
  std::vector<std::string> arguments = {settings.compiler, "@" + settings.flags, "-I" + settings.source + "/include", "-I" + settings.source,
                                        "-fPIC", "-shared", "-include", header, settings.source + "/tools/programs/run-model/model.cpp",
                                        "-o", object};
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int refused = ::posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (refused != 0)
    return ts::fail({.code = ts::error_code::io, .thing = "cannot run the compiler", .path = settings.compiler, .system = refused});
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return ts::fail({.code = ts::error_code::io, .thing = "cannot wait for the compiler", .system = errno});
  if (status == 0) return {};
  return ts::fail({.code = ts::error_code::io, .thing = "the type of this model did not compile; the compiler's output says why", .path = header});
}

/// A type's place in the build folder.
struct compiled_type {
  std::string header;  ///< what declares it
  std::string stem;    ///< of its files

  [[nodiscard]] static ts::result<compiled_type> of(std::string header, const compile_settings& settings) {
    TESSERA_TRY(const std::string sources, sources_of(settings));
    const std::string all = header + '\0' + settings.compiler + '\0' + settings.version + '\0' + sources;
    TESSERA_TRY(const ts::sha256_digest digest, ts::sha256(std::as_bytes(std::span(all))));
    return compiled_type{.header = std::move(header), .stem = settings.objects + "/" + ts::to_hex(digest).substr(0, 32)};
  }

  [[nodiscard]] std::string object() const { return stem + ".so"; }
  [[nodiscard]] bool is_there() const { return ::access(object().c_str(), F_OK) == 0; }

  /// Compiles it, unless another call has done so meanwhile.
  [[nodiscard]] ts::result<> compile(const compile_settings& settings) const {
    std::error_code failed;
    std::filesystem::create_directories(settings.objects, failed);
    TESSERA_TRY(const file_lock lock, file_lock::take(stem + ".lock"));
    if (is_there()) return {};
    TESSERA_CHECK(ts::write_file(stem + ".hpp", header));
    const auto begin = std::chrono::steady_clock::now();
    std::fprintf(stderr, "compiling the type of this model, once ...\n");
    const std::string unfinished = stem + ".unfinished-" + std::to_string(::getpid()) + ".so";
    if (auto done = run_compiler(settings, stem + ".hpp", unfinished); !done) {
      ::unlink(unfinished.c_str());
      return ts::fail(std::move(done).error());
    }
    if (std::rename(unfinished.c_str(), object().c_str()) != 0)
      return ts::fail({.code = ts::error_code::io, .thing = "cannot rename", .path = unfinished, .system = errno});
    ::unlink((stem + ".lock").c_str());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "compiled in %.0f s\n", took.count());
    return {};
  }
};

/// Loads `directory` as the type in `object`, which stays in memory for good.
[[nodiscard]] inline loaded_model load_compiled(const std::string& object, std::string_view directory, const ts::load_options& options) {
  const auto refused = [&](const char* thing) {
    const char* why = ::dlerror();
    return ts::fail({.code = ts::error_code::io, .thing = thing, .found = why == nullptr ? "no reason" : why, .path = object});
  };
  void* const library = ::dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return refused("cannot load the compiled type");
  void* const symbol = ::dlsym(library, load_symbol);
  if (symbol == nullptr) return refused("the compiled type exports no loader");
  loaded_model made;
  reinterpret_cast<load_function*>(symbol)(directory, options, made);
  return made;
}

}  // namespace programs
