// Changes protobuf messages a little, as their types allow: what the fuzzer's own changes of bytes
// seldom hit. Texts are drawn from words that mean something, numbers from the edges of what they
// count, times from around the world's beginning.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "google/protobuf/message.h"

namespace bursar::fuzz {

class MessageMutator {
 public:
  // `words` outlive the mutator.
  MessageMutator(const std::vector<std::string>* words, unsigned seed)
      : words_(*words), random_(seed) {}

  // Sets, changes or clears one field, of the message or of one inside it.
  void Mutate(google::protobuf::Message* message) { MutateMessage(message, 0); }

  // Mutates the message in an input behind its first byte, a few times; what is none is taken as an
  // empty one. The new size; the old one, with the input as it was, where it would exceed
  // `max_size`.
  size_t MutateInput(google::protobuf::Message* message, uint8_t* data, size_t size,
                     size_t max_size);

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

 private:
  using Field = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  void MutateMessage(Message* message, int depth);
  void MutateField(Message* message, const Field* field, int depth);
  void MutateRepeated(Message* message, const Field* field, int depth);
  void SetScalar(Message* message, const Field* field);
  void AddScalar(Message* message, const Field* field);
  // Whether the message is of a type whose fields only mean something together; then sets them.
  bool SetWhole(Message* message);
  int64_t Number();
  std::string Text();

  const std::vector<std::string>& words_;
  std::minstd_rand random_;
};

}  // namespace bursar::fuzz
