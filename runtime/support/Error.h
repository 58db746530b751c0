// Errors as values for everything that runs without LLVM.
#pragma once

#include <cassert>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>

namespace tawny {

/// What went wrong, for a person: what was expected, what was found, where, and what to do.
struct [[nodiscard]] Error {
  std::string message;
};

/// An Error from a printf format; the caller writes the whole sentence.
[[gnu::format(printf, 1, 2)]] inline Error makeError(const char *format, ...) {
  va_list arguments, measured;
  va_start(arguments, format);
  va_copy(measured, arguments);
  int length = std::vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, arguments);
  va_end(arguments);
  return Error{std::move(text)};
}

/// A value or the reason why there is none. Test it before use; reading the absent half asserts.
template <typename T> class [[nodiscard]] ErrorOr {
public:
  ErrorOr(T value) : state(std::in_place_index<0>, std::move(value)) {}
  ErrorOr(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() & { return *std::get_if<0>(&state); }
  const T &operator*() const & { return *std::get_if<0>(&state); }
  /// By value, so that `for (auto x : *read())` does not run over a temporary that is gone.
  T operator*() && { return std::move(*std::get_if<0>(&state)); }
  T *operator->() { return std::get_if<0>(&state); }
  const T *operator->() const { return std::get_if<0>(&state); }
  const Error &error() const {
    assert(state.index() == 1 && "no error to read");
    return *std::get_if<1>(&state);
  }
  Error takeError() { return std::move(*std::get_if<1>(&state)); }

private:
  std::variant<T, Error> state;
};

/// Success, or the reason for failure, of something that has no value.
template <> class [[nodiscard]] ErrorOr<void> {
public:
  ErrorOr() = default;
  ErrorOr(Error error) : failure(std::move(error)), failed(true) {}

  explicit operator bool() const { return !failed; }
  const Error &error() const {
    assert(failed && "no error to read");
    return failure;
  }
  Error takeError() { return std::move(failure); }

private:
  Error failure;
  bool failed = false;
};

} // namespace tawny
