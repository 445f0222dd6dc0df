// Targets of several parts: the first byte of an input chooses one, the rest is its input.
//
// Thread rule: a fuzz target has one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace bursar::fuzz {

struct Part {
  char letter = 0;
  void (*check)(const std::string& text) = nullptr;
};

// Runs the part that the input names, the last where it names none. Nothing is no input.
inline int RunPart(const uint8_t* data, size_t size, std::initializer_list<Part> parts) {
  if (size == 0) return 0;
  const Part* chosen = parts.begin();
  while (chosen + 1 != parts.end() && chosen->letter != static_cast<char>(data[0])) ++chosen;
  chosen->check(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  return 0;
}

}  // namespace bursar::fuzz
