// The input of the request fuzzer: calls, one after another, as bytes.
//
//   call   = rpc:u16 caller:u8 later:u8 length:u16 request:length bytes     (little endian)
//   input  = call*                                                          (at most kMaxCalls)
//
// `rpc` is the hash of the RPC's path, so that a kept corpus survives new RPCs; any other number
// means some RPC too. A length beyond the end means the rest. Every text of bytes is an input.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bursar::fuzz {

inline constexpr size_t kMaxCalls = 16;

struct Call {
  uint16_t rpc = 0;
  uint8_t caller = 0;   // Who calls, see wallet_world.h; 0 is the operator, for nobody else.
  uint8_t later = 0;    // How much time passes before, see wallet_world.h; 0 is none.
  std::string request;  // Serialized.
};

std::vector<Call> ReadCalls(std::string_view input);
std::string WriteCalls(const std::vector<Call>& calls);

// What stands for an RPC in `Call::rpc`.
uint16_t RpcNumber(std::string_view path);

}  // namespace bursar::fuzz
