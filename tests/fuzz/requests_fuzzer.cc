// Every RPC with any request, one after another: input as calls.h says, claims as wallet_world.h.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/calls.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/fuzz/wallet_world.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace bursar::fuzz {
namespace {

WalletWorld& World() {
  // Never destroyed: the fuzzer ends with _Exit.
  static WalletWorld* const world = new WalletWorld();
  return *world;
}

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Changes the request of a call as its type allows.
void MutateRequest(MessageMutator& mutator, Call* call) {
  const Rpc& rpc = RpcOf(call->rpc);
  const std::unique_ptr<google::protobuf::Message> request(rpc.request->New());
  // What is no message begins anew.
  if (!request->ParseFromString(call->request)) request->Clear();
  for (uint32_t i = 0; i <= mutator.Below(4); ++i) mutator.Mutate(request.get());
  call->request = request->SerializeAsString();
}

void MutateBytes(Call* call, MessageMutator& mutator) {
  std::string bytes = call->request;
  const size_t size = bytes.size();
  bytes.resize(size + 64);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), size, bytes.size()));
  call->request = std::move(bytes);
  if (mutator.Below(16) == 0) call->rpc = static_cast<uint16_t>(mutator.Below(UINT16_MAX));
}

void MutateCalls(MessageMutator& mutator, std::vector<Call>* calls) {
  const auto any = [&] { return mutator.Below(static_cast<uint32_t>(calls->size())); };
  const uint32_t choice = calls->empty() ? 0 : mutator.Below(20);
  if (choice == 0 && calls->size() < kMaxCalls) {
    Call call;
    call.rpc = RpcNumber(Rpcs()[mutator.Below(static_cast<uint32_t>(Rpcs().size()))].path);
    for (int i = 0; i < 6; ++i) MutateRequest(mutator, &call);
    calls->insert(calls->begin() + (calls->empty() ? 0 : any()), std::move(call));
  } else if (choice == 1 && calls->size() > 1) {
    calls->erase(calls->begin() + any());
  } else if (choice == 2 && calls->size() < kMaxCalls) {
    calls->push_back((*calls)[any()]);
  } else if (choice == 3) {
    (*calls)[any()].caller = static_cast<uint8_t>(mutator.Below(25));
  } else if (choice == 4) {
    (*calls)[any()].later = static_cast<uint8_t>(mutator.Below(8));
  } else if (choice == 5) {
    MutateBytes(&(*calls)[any()], mutator);
  } else if (!calls->empty()) {
    MutateRequest(mutator, &(*calls)[any()]);
  }
}

}  // namespace
}  // namespace bursar::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace bursar::fuzz;
  MessageMutator mutator(&World().words(), seed);
  if (mutator.Below(32) == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::vector<Call> calls = ReadCalls(View(data, size));
  MutateCalls(mutator, &calls);
  const std::string input = WriteCalls(calls);
  if (input.size() > max_size) return size;
  input.copy(reinterpret_cast<char*>(data), input.size());
  return input.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bursar::fuzz;
  WalletWorld& world = World();
  world.Begin();
  for (const Call& call : ReadCalls(View(data, size))) world.Run(call);
  world.End();
  return 0;
}
