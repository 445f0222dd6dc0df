// A value that is mostly absent, kept on the heap where it is there: as std::optional, but absent
// it takes one pointer, and copying it costs nothing.
//
// Thread rule: as any plain value.
#pragma once

#include <memory>
#include <utility>

namespace bursar {

template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: as std::optional.
  Boxed(const Boxed& other) : value_(Copy(other)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    if (this != &other) value_ = Copy(other);
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  bool has_value() const { return value_ != nullptr; }
  void reset() { value_.reset(); }
  // The value, made where it is absent.
  T& GetOrMake() {
    if (value_ == nullptr) value_ = std::make_unique<T>();
    return *value_;
  }
  // Requires: has_value().
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
    return *a == *b;
  }

 private:
  static std::unique_ptr<T> Copy(const Boxed& other) {
    return other.has_value() ? std::make_unique<T>(*other) : nullptr;
  }

  std::unique_ptr<T> value_;
};

}  // namespace bursar
