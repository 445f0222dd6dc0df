#include "tests/fuzz/calls.h"

#include <algorithm>

namespace bursar::fuzz {
namespace {

constexpr size_t kHeadBytes = 6;

uint16_t ReadNumber(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) | static_cast<uint8_t>(bytes[at + 1])
                                                                     << 8);
}

void WriteNumber(size_t number, std::string* bytes) {
  bytes->push_back(static_cast<char>(number & 0xFF));
  bytes->push_back(static_cast<char>(number >> 8 & 0xFF));
}

}  // namespace

std::vector<Call> ReadCalls(std::string_view input) {
  std::vector<Call> calls;
  while (input.size() >= kHeadBytes && calls.size() < kMaxCalls) {
    Call& call = calls.emplace_back();
    call.rpc = ReadNumber(input, 0);
    call.caller = static_cast<uint8_t>(input[2]);
    call.later = static_cast<uint8_t>(input[3]);
    const size_t length = ReadNumber(input, 4);
    input.remove_prefix(kHeadBytes);
    call.request = input.substr(0, length);
    input.remove_prefix(std::min(length, input.size()));
  }
  return calls;
}

std::string WriteCalls(const std::vector<Call>& calls) {
  std::string input;
  for (const Call& call : calls) {
    const size_t length = std::min<size_t>(call.request.size(), UINT16_MAX);
    WriteNumber(call.rpc, &input);
    input.push_back(static_cast<char>(call.caller));
    input.push_back(static_cast<char>(call.later));
    WriteNumber(length, &input);
    input.append(call.request, 0, length);
  }
  return input;
}

uint16_t RpcNumber(std::string_view path) {
  // FNV-1a, folded.
  uint32_t hash = 2'166'136'261U;
  for (const char c : path) hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  return static_cast<uint16_t>(hash >> 16 ^ hash);
}

}  // namespace bursar::fuzz
