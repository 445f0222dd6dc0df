#include "tests/fuzz/message_mutator.h"

#include <iterator>
#include <limits>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace bursar::fuzz {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Reflection;

constexpr int kMaxDepth = 8;
// 2026-03-02 09:00 UTC, where the world begins.
constexpr int64_t kBeginning = 1'772'442'000;

}  // namespace

int64_t MessageMutator::Number() {
  static constexpr int64_t kEdges[] = {0,
                                       1,
                                       -1,
                                       2,
                                       5,
                                       10,
                                       49,
                                       50,
                                       51,
                                       100,
                                       1000,
                                       1001,
                                       1'000'000,
                                       999'999'999,
                                       1'000'000'000,
                                       1'000'000'000'000,
                                       1'000'000'000'001,
                                       9'223'372'036,
                                       9'223'372'037,
                                       std::numeric_limits<int32_t>::max(),
                                       std::numeric_limits<int32_t>::min(),
                                       std::numeric_limits<int64_t>::max(),
                                       std::numeric_limits<int64_t>::min()};
  if (Below(3) == 0) return Below(30);
  return kEdges[Below(std::size(kEdges))];
}

std::string MessageMutator::Text() {
  switch (Below(12)) {
    case 0:
      return std::string(Below(600), 'a');
    case 1:
      return "Z\xC3\xBCrich \xE2\x82\xAC\n\"<&>\t";
    case 2:
      return std::to_string(Number());
    default:
      return words_[Below(static_cast<uint32_t>(words_.size()))];
  }
}

bool MessageMutator::SetWhole(Message* message) {
  if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(message)) {
    static constexpr int64_t kAround[] = {-35 * 86'400, -86'400, -3600,      -1, 0, 1,
                                          300,          3600,    40 * 86'400};
    time->set_seconds(Below(8) == 0 ? Number() : kBeginning + kAround[Below(std::size(kAround))]);
    time->set_nanos(Below(4) == 0 ? static_cast<int32_t>(Number()) : 0);
    return true;
  }
  if (auto* duration = dynamic_cast<google::protobuf::Duration*>(message)) {
    static constexpr int64_t kUsual[] = {0, 1, 10, 60, 600, 3600, 86'400, 7 * 86'400};
    duration->set_seconds(Below(6) == 0 ? Number() : kUsual[Below(std::size(kUsual))]);
    duration->set_nanos(Below(6) == 0 ? static_cast<int32_t>(Number()) : 0);
    return true;
  }
  return false;
}

void MessageMutator::MutateMessage(Message* message, int depth) {
  const Descriptor& type = *message->GetDescriptor();
  if (type.field_count() == 0) return;
  if (Below(8) != 0 && SetWhole(message)) return;
  MutateField(message,
              type.field(static_cast<int>(Below(static_cast<uint32_t>(type.field_count())))),
              depth);
}

void MessageMutator::MutateField(Message* message, const Field* field, int depth) {
  const Reflection& reflection = *message->GetReflection();
  if (field->is_repeated()) return MutateRepeated(message, field, depth);
  if (Below(10) == 0) return reflection.ClearField(message, field);
  if (field->cpp_type() != Field::CPPTYPE_MESSAGE) return SetScalar(message, field);
  if (depth < kMaxDepth) MutateMessage(reflection.MutableMessage(message, field), depth + 1);
}

void MessageMutator::MutateRepeated(Message* message, const Field* field, int depth) {
  const Reflection& reflection = *message->GetReflection();
  const int size = reflection.FieldSize(*message, field);
  const bool is_message = field->cpp_type() == Field::CPPTYPE_MESSAGE;
  const uint32_t choice = Below(8);
  if (size > 0 && choice == 0) return reflection.RemoveLast(message, field);
  if (size > 0 && choice == 1) {
    reflection.SwapElements(message, field, static_cast<int>(Below(static_cast<uint32_t>(size))),
                            size - 1);
    return;
  }
  if (!is_message) {
    if (size > 0 && choice == 2) reflection.ClearField(message, field);
    return AddScalar(message, field);
  }
  if (depth >= kMaxDepth) return;
  if (size > 0 && choice == 2) {
    reflection.AddMessage(message, field)
        ->CopyFrom(reflection.GetRepeatedMessage(*message, field, size - 1));
    return;
  }
  Message* const part =
      size == 0 || choice == 3
          ? reflection.AddMessage(message, field)
          : reflection.MutableRepeatedMessage(message, field,
                                              static_cast<int>(Below(static_cast<uint32_t>(size))));
  MutateMessage(part, depth + 1);
}

void MessageMutator::SetScalar(Message* message, const Field* field) {
  const Reflection& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case Field::CPPTYPE_INT32:
      return reflection.SetInt32(message, field, static_cast<int32_t>(Number()));
    case Field::CPPTYPE_INT64:
      return reflection.SetInt64(message, field, Number());
    case Field::CPPTYPE_UINT32:
      return reflection.SetUInt32(message, field, static_cast<uint32_t>(Number()));
    case Field::CPPTYPE_UINT64:
      return reflection.SetUInt64(message, field, static_cast<uint64_t>(Number()));
    case Field::CPPTYPE_DOUBLE:
      return reflection.SetDouble(message, field, static_cast<double>(Number()));
    case Field::CPPTYPE_FLOAT:
      return reflection.SetFloat(message, field, static_cast<float>(Number()));
    case Field::CPPTYPE_BOOL:
      return reflection.SetBool(message, field, Below(2) == 1);
    case Field::CPPTYPE_ENUM:
      // One more than there are, now and then: what a newer caller may send.
      return reflection.SetEnumValue(
          message, field,
          static_cast<int>(Below(static_cast<uint32_t>(field->enum_type()->value_count()) + 1)));
    case Field::CPPTYPE_STRING:
      return reflection.SetString(message, field, Text());
    case Field::CPPTYPE_MESSAGE:
      return;
  }
}

void MessageMutator::AddScalar(Message* message, const Field* field) {
  const Reflection& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case Field::CPPTYPE_STRING:
      return reflection.AddString(message, field, Text());
    case Field::CPPTYPE_ENUM:
      return reflection.AddEnumValue(
          message, field,
          static_cast<int>(Below(static_cast<uint32_t>(field->enum_type()->value_count()) + 1)));
    case Field::CPPTYPE_INT64:
      return reflection.AddInt64(message, field, Number());
    case Field::CPPTYPE_INT32:
      return reflection.AddInt32(message, field, static_cast<int32_t>(Number()));
    case Field::CPPTYPE_UINT32:
      return reflection.AddUInt32(message, field, static_cast<uint32_t>(Number()));
    default:
      return;  // No request or record has lists of others.
  }
}

size_t MessageMutator::MutateInput(Message* message, uint8_t* data, size_t size, size_t max_size) {
  if (!message->ParseFromArray(data + 1, static_cast<int>(size - 1))) message->Clear();
  for (uint32_t i = 0; i <= Below(4); ++i) Mutate(message);
  const std::string bytes = message->SerializeAsString();
  if (bytes.size() + 1 > max_size) return size;
  bytes.copy(reinterpret_cast<char*>(data + 1), bytes.size());
  return bytes.size() + 1;
}

}  // namespace bursar::fuzz
