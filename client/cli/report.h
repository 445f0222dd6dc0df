// Pieces of replies that several commands show to people in the same way.
//
// Thread rule: pure functions.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <ostream>
#include <string>

#include "bursar/v1/admin_service.pb.h"
#include "bursar/v1/common.pb.h"
#include "bursar/v1/quota_service.pb.h"
#include "client/cli/table.h"

namespace bursar::cli {

// Settings of an organization, one a line.
void PrintOrganization(const v1::Organization& organization, std::ostream& out);

// What a check saw in each scope and bucket, as a table; the blocking ones are marked.
void PrintEvaluations(const google::protobuf::RepeatedPtrField<v1::Evaluation>& evaluations,
                      std::ostream& out);

// A denial: banner, reason, when it ends, what helps.
void PrintDenial(const v1::Denial& denial, std::ostream& out);

// What still denies after a change that was meant to unblock; nothing where nothing does.
void PrintBlockers(const google::protobuf::RepeatedPtrField<v1::Blocker>& blockers,
                   std::ostream& out);

// Auto-reload as it is set and what it does, one a line.
void PrintAutoReload(const v1::AutoReloadStatus& status, std::ostream& out);

// A scope in words: "organization acme", "seat tier premium", "member ann".
std::string ScopeInWords(v1::Scope scope, const std::string& id);

// Roles in words: "owner, admin".
std::string RolesInWords(const google::protobuf::RepeatedField<int>& roles);

// Adds how an organization treats holds and the crossing into extra usage, one a line.
void AddHoldPolicy(const v1::Organization& organization, Table* table);

// An entry of the journal beyond its columns, in the same words wherever it is shown: what
// happened, how it was split, the admission it is about, and settings before and after.
std::string EntryInWords(const v1::JournalEntry& entry);

// What became of the admission that a record named, in words; why a record counts as unadmitted, as
// a note, empty where it does not.
std::string AdmissionInWords(v1::AdmissionStatus status);
std::string UnadmittedNote(const v1::RecordConsumptionResponse& receipt);

// How a cost was split: "included 1.20 USD, extra 0.30 USD".
std::string DrawsInWords(const google::protobuf::RepeatedPtrField<v1::Draw>& draws);

}  // namespace bursar::cli
