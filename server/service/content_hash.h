// Recognizes a repeated request by its content (rule R2).
//
// Thread rule: a pure function.
#pragma once

#include <string>

#include "google/protobuf/message_lite.h"

namespace bursar {

// 16 bytes over the request as sent: version, full name of the message, and its fields in the order
// of their numbers, labels by key. Two requests have the same hash exactly when they say the same.
// PERSISTED with the request id for weeks: never change what version 1 means; fields that are added
// to a request later do not change the hash of a request that leaves them unset.
std::string ContentHash(const google::protobuf::MessageLite& request);

}  // namespace bursar
