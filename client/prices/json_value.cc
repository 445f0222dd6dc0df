#include "client/prices/json_value.h"

#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

namespace bursar {
namespace {

constexpr size_t kMaxTextBytes = 16 << 20;
constexpr size_t kMaxValues = 1'000'000;
constexpr size_t kMaxDepth = 32;

// Walks over the text and counts, so that values know where they were read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  size_t* consumed_;
};

// Builds the tree from the parser's events. The names of the functions are the parser's.
class TreeBuilder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit TreeBuilder(const size_t* consumed) : consumed_(consumed) {}

  bool null() { return Add(JsonValue::Kind::kNull, ""); }
  bool boolean(bool value) { return Add(JsonValue::Kind::kBoolean, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) {
    return Add(JsonValue::Kind::kNumber, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) {
    return Add(JsonValue::Kind::kNumber, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) {
    return Add(JsonValue::Kind::kNumber, text);
  }
  bool string(string_t& value) { return Add(JsonValue::Kind::kString, value); }
  bool binary(binary_t&) { return Fail("binary values are not JSON"); }

  bool start_object(size_t) { return Open(JsonValue::Kind::kObject); }
  bool key(string_t& name) {
    if (!open_.back().keys.insert(name).second) return Fail("key \"" + name + "\" appears twice");
    open_.back().key = name;
    return true;
  }
  bool end_object() { return Close(); }
  bool start_array(size_t) { return Open(JsonValue::Kind::kArray); }
  bool end_array() { return Close(); }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
    // The library's words without its own prefix, "[json.exception.parse_error.101] ".
    std::string words = error.what();
    if (const size_t bracket = words.find("] "); bracket != std::string::npos) {
      words.erase(0, bracket + 2);
    }
    return FailAt(position, words);
  }

  absl::Status status() const { return status_; }
  JsonValue Take() { return std::move(root_); }

 private:
  struct Level {
    JsonValue value;
    std::string key;  // Of the member being read.
    std::unordered_set<std::string> keys;
  };

  bool Fail(const std::string& what) { return FailAt(*consumed_, what); }

  bool FailAt(size_t offset, const std::string& what) {
    std::string path = Path();
    status_ = absl::InvalidArgumentError("byte " + std::to_string(offset) +
                                         (path.empty() ? "" : ", " + path) + ": " + what);
    return false;
  }

  std::string Path() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.value.kind == JsonValue::Kind::kArray) {
        path += "[" + std::to_string(level.value.items.size()) + "]";
      } else if (!level.key.empty()) {
        path += (path.empty() ? "" : ".") + level.key;
      }
    }
    return path;
  }

  bool Count() {
    if (++values_ > kMaxValues) return Fail("more than a million values");
    return true;
  }

  bool Add(JsonValue::Kind kind, std::string text) {
    if (!Count()) return false;
    JsonValue value;
    value.kind = kind;
    value.text = std::move(text);
    value.offset = *consumed_;
    Attach(std::move(value));
    return true;
  }

  bool Open(JsonValue::Kind kind) {
    if (!Count()) return false;
    if (open_.size() >= kMaxDepth) return Fail("more than 32 levels deep");
    Level& level = open_.emplace_back();
    level.value.kind = kind;
    level.value.offset = *consumed_;
    return true;
  }

  bool Close() {
    JsonValue value = std::move(open_.back().value);
    open_.pop_back();
    Attach(std::move(value));
    return true;
  }

  void Attach(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.kind == JsonValue::Kind::kArray) {
      open_.back().value.items.push_back(std::move(value));
    } else {
      open_.back().value.members.push_back({open_.back().key, std::move(value)});
    }
  }

  const size_t* consumed_;
  size_t values_ = 0;
  std::vector<Level> open_;
  JsonValue root_;
  absl::Status status_;
};

}  // namespace

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<JsonValue> ParseJson(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError("longer than 16 MiB");
  }
  size_t consumed = 0;
  TreeBuilder builder(&consumed);
  const bool parsed =
      nlohmann::json::sax_parse(CountingIterator(text.data(), &consumed),
                                CountingIterator(text.data() + text.size(), &consumed), &builder);
  if (!parsed) return builder.status();
  return builder.Take();
}

}  // namespace bursar
