// The journal's part of record_codec.h.
#include <cstddef>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "bursar/storage/v1/journal.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/check.h"
#include "server/base/sha256.h"
#include "server/engine/channel_records.h"
#include "server/engine/journal_parts.h"
#include "server/engine/limit_codec.h"
#include "server/engine/payment_codec.h"
#include "server/engine/record_codec.h"
#include "server/engine/record_parts.h"
#include "server/engine/request_codec.h"
#include "server/engine/statement_codec.h"

namespace bursar {
namespace {

namespace record = storage::v1;

// Sums and differences that wrap around, so that any two numbers come back.
int64_t WrappingMinus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t WrappingPlus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// ---- Encoding -----------------------------------------------------------------------------------

// Gives each text of a journal record its place.
class TextWriter {
 public:
  explicit TextWriter(record::JournalBody* body) : body_(body) {}

  uint32_t Place(const std::string& text) {
    if (text.empty()) return 0;
    auto [found, added] = places_.try_emplace(text, body_->texts_size() + 1);
    if (added) body_->add_texts(text);
    return found->second;
  }

 private:
  record::JournalBody* const body_;
  std::unordered_map<std::string_view, uint32_t> places_;  // Keys live in the entries.
};

void PutUsage(const Usage& usage, TextWriter& texts, record::UsageRecord* out) {
  out->set_input(usage.input);
  out->set_output(usage.output);
  out->set_cache_write_5m(usage.cache_write_5m);
  out->set_cache_write_1h(usage.cache_write_1h);
  out->set_cache_read(usage.cache_read);
  out->set_web_searches(usage.web_searches);
  for (const OtherMeter& meter : usage.other_meters) {
    record::OtherMeterRecord* row = out->add_other_meters();
    row->set_name(texts.Place(meter.name));
    row->set_quantity(meter.quantity);
  }
  out->set_service_tier(texts.Place(usage.service_tier));
  out->set_region(texts.Place(usage.region));
}

int64_t BucketSum(const UsageCharged& body) {
  return WrappingPlus(WrappingPlus(body.included.value, body.extra.value), body.metered.value);
}

// Writes each kind of body into its field.
class BodyWriter {
 public:
  BodyWriter(int64_t recorded_at_nanos, TextWriter& texts, record::EntryRecord* out)
      : recorded_at_nanos_(recorded_at_nanos), texts_(texts), out_(out) {}

  void operator()(const OrganizationCreated& body) {
    auto* to = out_->mutable_organization_created();
    to->set_organization_id(body.organization_id);
    ToRecord(body.settings, to->mutable_settings());
  }
  void operator()(const OrganizationUpdated& body) {
    auto* to = out_->mutable_organization_updated();
    ToRecord(body.settings, to->mutable_settings());
    if (body.pending.has_value()) ToRecord(*body.pending, to->mutable_pending());
    PutChanges(body.changes, to);
  }
  void operator()(const MemberUpserted& body) {
    auto* to = out_->mutable_member_upserted();
    SettingsToRecord(body.settings, to->mutable_settings());
    to->set_created(body.created);
    to->set_automatic(body.automatic);
    PutChanges(body.changes, to);
  }
  void operator()(const ExtraUsageUpdated& body) {
    auto* to = out_->mutable_extra_usage_updated();
    to->set_enabled(body.enabled);
    to->set_audience(static_cast<uint32_t>(body.audience));
    to->set_selection_generation(body.selection_generation);
    for (const std::string& member_id : body.selected) to->add_selected(member_id);
    PutChanges(body.changes, to);
  }
  void operator()(const SpendLimitSet& body) {
    auto* to = out_->mutable_spend_limit_set();
    to->set_scope(static_cast<uint32_t>(body.scope));
    to->set_scope_id(body.scope_id);
    ToRecord(body.limit, to->mutable_limit());
    to->set_period(static_cast<uint32_t>(body.period));
    PutChanges(body.changes, to);
  }
  void operator()(const CreditGranted& body) {
    auto* to = out_->mutable_credit_granted();
    to->set_kind(static_cast<uint32_t>(body.kind));
    to->set_amount_nanos(body.amount.value);
    if (body.expires_at != absl::InfiniteFuture()) {
      to->set_expires_at_unix_nanos(TimeToRecord(body.expires_at));
    }
    to->set_reference(body.reference);
    to->set_repaid_overdraft_nanos(body.repaid_overdraft.value);
    to->set_refund_of(body.refund_of);
    to->set_payment_sequence(body.payment_sequence);
  }
  void operator()(const CreditExpired& body) {
    auto* to = out_->mutable_credit_expired();
    to->set_grant_sequence(body.grant_sequence);
    to->set_amount_nanos(body.amount.value);
  }
  void operator()(const WindowOpened& body) {
    auto* to = out_->mutable_window_opened();
    to->set_scope(static_cast<uint32_t>(body.scope));
    to->set_member_id(body.member_id);
    to->set_kind(static_cast<uint32_t>(body.kind));
    ToRecord(body.window, to->mutable_window());
    if (!body.previous_spent.is_zero()) ToRecord(body.previous_spent, to->mutable_previous_spent());
  }
  void operator()(const MonthOpened& body) {
    auto* to = out_->mutable_month_opened();
    to->set_scope(static_cast<uint32_t>(body.scope));
    to->set_scope_id(body.scope_id);
    ToRecord(body.month, to->mutable_month());
    ToRecord(body.previous, to->mutable_previous());
  }
  void operator()(const UsageCharged& body) {
    auto* to = out_->mutable_usage_charged();
    to->set_member_id(texts_.Place(body.member_id));
    to->set_tier_id(texts_.Place(body.tier_id));
    to->set_surface(texts_.Place(body.surface));
    to->set_provider(texts_.Place(body.provider));
    to->set_model(texts_.Place(body.model));
    to->set_price_card(texts_.Place(body.price_card));
    if (body.usage.has_value()) PutUsage(*body.usage, texts_, to->mutable_usage());
    to->set_occurred_before_nanos(
        WrappingMinus(recorded_at_nanos_, TimeToRecord(body.occurred_at)));
    to->set_included_nanos(body.included.value);
    to->set_extra_nanos(body.extra.value);
    to->set_metered_nanos(body.metered.value);
    to->set_cost_difference_nanos(WrappingMinus(body.cost.value, BucketSum(body)));
    to->set_overshoot_nanos(body.overshoot.value);
    for (const GrantDraw& draw : body.grant_draws) {
      ToRecord(draw, to->add_grant_draws());
    }
    to->set_overdraft_nanos(body.overdraft.value);
    to->set_price_fallback(body.price_fallback);
    to->set_unadmitted(body.unadmitted);
    to->set_unseated(body.unseated);
    to->set_admission_id(body.admission_id);
    to->set_admission_status(static_cast<uint32_t>(body.admission_status));
    to->set_parent_session_id(texts_.Place(body.parent_session_id));
    PutLabels(body.labels, to);
    to->set_overshoot_kind(static_cast<uint32_t>(body.overshoot_kind));
    to->set_hold_sequence(body.hold_sequence);
    to->set_hold_ends(body.hold_ends);
    to->set_released_included_nanos(body.released_included.value);
    to->set_released_extra_nanos(body.released_extra.value);
    to->set_captured(body.captured);
    to->set_of_pool(body.of_pool);
  }
  void operator()(const HoldPlaced& body) {
    auto* to = out_->mutable_hold_placed();
    ToRecord(body.hold, to->mutable_hold());
    PutLabels(body.labels, to);
  }
  void operator()(const HoldExtended& body) {
    auto* to = out_->mutable_hold_extended();
    to->set_hold_sequence(body.hold_sequence);
    to->set_member_id(body.member_id);
    to->set_expires_at_unix_nanos(TimeToRecord(body.expires_at));
  }
  void operator()(const HoldEnded& body) {
    auto* to = out_->mutable_hold_ended();
    to->set_hold_sequence(body.hold_sequence);
    to->set_member_id(body.member_id);
    to->set_end(static_cast<uint32_t>(body.end));
    to->set_included_nanos(body.included.value);
    to->set_extra_nanos(body.extra.value);
  }
  void operator()(const EntryReversed& body) {
    auto* to = out_->mutable_entry_reversed();
    to->set_reversed_sequence(body.reversed_sequence);
    to->set_hold_sequence(body.hold_sequence);
    ToRecord(body.facts, to->mutable_facts());
    to->set_included_nanos(body.included.value);
    to->set_extra_nanos(body.extra.value);
    to->set_metered_nanos(body.metered.value);
    to->set_lowers_month(body.lowers_month);
    to->set_of_pool(body.of_pool);
    for (WindowKind kind : body.windows) to->add_windows(static_cast<uint32_t>(kind));
    to->set_reason(body.reason);
    to->set_lowers_week(body.lowers_week);
    to->set_lowers_day(body.lowers_day);
    to->set_lowers_hour(body.lowers_hour);
  }
  void operator()(const ExtraUsageConfirmed& body) {
    auto* to = out_->mutable_extra_usage_confirmed();
    to->set_member_id(body.member_id);
    ToRecord(body.window, to->mutable_window());
  }
  void operator()(const CrossingNoticed& body) {
    auto* to = out_->mutable_crossing_noticed();
    to->set_member_id(body.member_id);
    to->set_surface(body.surface);
    ToRecord(body.window, to->mutable_window());
  }
  void operator()(const EpisodeOpened& body) {
    auto* to = out_->mutable_episode_opened();
    to->set_balance(body.balance);
    to->set_member_id(body.member_id);
    to->set_surface(body.surface);
  }
  void operator()(const EpisodeEnded& body) {
    auto* to = out_->mutable_episode_ended();
    to->set_episode_sequence(body.episode_sequence);
    to->set_cause(body.cause);
  }
  void operator()(const PendingChangeApplied& body) {
    auto* to = out_->mutable_pending_change_applied();
    if (body.settings.has_value()) ToRecord(*body.settings, to->mutable_settings());
    if (body.seat.has_value()) ToRecord(*body.seat, to->mutable_seat());
  }
  // Those with a codec of their own.
  template <typename Body>
  void operator()(const Body& body) {
    BodyToRecord(body, out_);
  }

 private:
  template <typename Record>
  void PutLabels(const std::vector<std::pair<std::string, std::string>>& labels, Record* to) {
    for (const auto& [key, value] : labels) {
      record::LabelRecord* row = to->add_labels();
      row->set_key(texts_.Place(key));
      row->set_value(texts_.Place(value));
    }
  }

  const int64_t recorded_at_nanos_;
  TextWriter& texts_;
  record::EntryRecord* const out_;
};

void PutEntry(const Entry& entry, int64_t first_recorded_at_nanos, TextWriter& texts,
              record::EntryRecord* out) {
  const int64_t recorded_at_nanos = TimeToRecord(entry.recorded_at);
  out->set_recorded_after_nanos(WrappingMinus(recorded_at_nanos, first_recorded_at_nanos));
  out->set_actor(texts.Place(entry.cause.actor));
  out->set_caller(texts.Place(entry.cause.caller));
  if (std::string packed = PackUuid(entry.cause.request_id); !packed.empty()) {
    out->set_request_uuid(std::move(packed));
  } else if (!entry.cause.request_id.empty()) {
    out->set_request_id(entry.cause.request_id);
  }
  std::visit(BodyWriter(recorded_at_nanos, texts, out), entry.body);
}

// ---- Decoding -----------------------------------------------------------------------------------

class TextReader {
 public:
  TextReader(const record::JournalBody& body, Damage& damage) : body_(body), damage_(damage) {}

  std::string At(uint32_t place) const {
    if (place == 0) return "";
    if (place > static_cast<uint32_t>(body_.texts_size())) {
      damage_.Note("an entry refers to a text that is not there");
      return "";
    }
    return body_.texts(static_cast<int>(place - 1));
  }

 private:
  const record::JournalBody& body_;
  Damage& damage_;
};

Usage TakeUsage(const record::UsageRecord& in, const TextReader& texts) {
  Usage usage;
  usage.input = in.input();
  usage.output = in.output();
  usage.cache_write_5m = in.cache_write_5m();
  usage.cache_write_1h = in.cache_write_1h();
  usage.cache_read = in.cache_read();
  usage.web_searches = in.web_searches();
  for (const auto& row : in.other_meters()) {
    usage.other_meters.push_back({texts.At(row.name()), row.quantity()});
  }
  usage.service_tier = texts.At(in.service_tier());
  usage.region = texts.At(in.region());
  return usage;
}

template <typename Record>
std::vector<std::pair<std::string, std::string>> TakeLabels(const Record& in,
                                                            const TextReader& texts) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& row : in.labels()) {
    labels.emplace_back(texts.At(row.key()), texts.At(row.value()));
  }
  return labels;
}

UsageCharged TakeCharge(const record::UsageChargedRecord& in, int64_t recorded_at_nanos,
                        const TextReader& texts, Damage& damage) {
  UsageCharged body;
  body.member_id = texts.At(in.member_id());
  body.tier_id = texts.At(in.tier_id());
  body.surface = texts.At(in.surface());
  body.provider = texts.At(in.provider());
  body.model = texts.At(in.model());
  body.price_card = texts.At(in.price_card());
  if (in.has_usage()) body.usage = TakeUsage(in.usage(), texts);
  body.occurred_at = TimeFromRecord(WrappingMinus(recorded_at_nanos, in.occurred_before_nanos()));
  body.included = Nanos(in.included_nanos());
  body.extra = Nanos(in.extra_nanos());
  body.metered = Nanos(in.metered_nanos());
  body.cost = Nanos(WrappingPlus(BucketSum(body), in.cost_difference_nanos()));
  body.overshoot = Nanos(in.overshoot_nanos());
  for (const auto& row : in.grant_draws()) {
    body.grant_draws.push_back(FromRecord(row));
  }
  body.overdraft = Nanos(in.overdraft_nanos());
  body.price_fallback = in.price_fallback();
  body.unadmitted = in.unadmitted();
  body.unseated = in.unseated();
  body.admission_id = in.admission_id();
  body.admission_status = EnumFromRecord(in.admission_status(), AdmissionStatus::kNone,
                                         AdmissionStatus::kForeign, damage);
  body.parent_session_id = texts.At(in.parent_session_id());
  body.labels = TakeLabels(in, texts);
  body.overshoot_kind =
      EnumFromRecord(in.overshoot_kind(), OvershootKind::kNone, OvershootKind::kPolicy, damage);
  body.hold_sequence = in.hold_sequence();
  body.hold_ends = in.hold_ends();
  body.released_included = Nanos(in.released_included_nanos());
  body.released_extra = Nanos(in.released_extra_nanos());
  body.captured = in.captured();
  body.of_pool = in.of_pool();
  return body;
}

EntryReversed TakeReversed(const record::EntryReversedRecord& in, Damage& damage) {
  EntryReversed body;
  body.reversed_sequence = in.reversed_sequence();
  body.hold_sequence = in.hold_sequence();
  body.facts = FromRecord(in.facts(), damage);
  body.included = Nanos(in.included_nanos());
  body.extra = Nanos(in.extra_nanos());
  body.metered = Nanos(in.metered_nanos());
  body.lowers_month = in.lowers_month();
  body.of_pool = in.of_pool();
  for (uint32_t kind : in.windows()) body.windows.push_back(WindowKindFromRecord(kind, damage));
  body.reason = in.reason();
  body.lowers_week = in.lowers_week();
  body.lowers_day = in.lowers_day();
  body.lowers_hour = in.lowers_hour();
  return body;
}

// Bodies of what people change.
EntryBody TakePolicyBody(const record::EntryRecord& in, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kOrganizationCreated: {
      const auto& from = in.organization_created();
      return OrganizationCreated{from.organization_id(), FromRecord(from.settings(), damage)};
    }
    case record::EntryRecord::kOrganizationUpdated: {
      const auto& from = in.organization_updated();
      OrganizationUpdated body;
      body.settings = FromRecord(from.settings(), damage);
      if (from.has_pending()) body.pending = FromRecord(from.pending(), damage);
      body.changes = TakeChanges(from);
      return body;
    }
    case record::EntryRecord::kMemberUpserted: {
      const auto& from = in.member_upserted();
      return MemberUpserted{SettingsFromRecord(from.settings(), damage), from.created(),
                            from.automatic(), TakeChanges(from)};
    }
    case record::EntryRecord::kExtraUsageUpdated: {
      const auto& from = in.extra_usage_updated();
      return ExtraUsageUpdated{from.enabled(),
                               AudienceFromRecord(from.audience(), damage),
                               from.selection_generation(),
                               {from.selected().begin(), from.selected().end()},
                               TakeChanges(from)};
    }
    case record::EntryRecord::kSpendLimitSet: {
      const auto& from = in.spend_limit_set();
      const uint32_t period = from.period();
      return SpendLimitSet{ScopeFromRecord(from.scope(), damage), from.scope_id(),
                           FromRecord(from.limit(), damage), TakeChanges(from),
                           period == 0 ? PeriodKind::kMonth : PeriodFromRecord(period, damage)};
    }
    default:
      if (auto body = TakeLimitBody(in, damage); body.has_value()) return *std::move(body);
      if (auto body = TakePaymentBody(in, damage); body.has_value()) return *std::move(body);
      if (auto body = TakeDeliveryBody(in, damage); body.has_value()) return *std::move(body);
      if (auto body = TakeStatementBody(in, damage); body.has_value()) return *std::move(body);
      return RequestBodyFromRecord(in, damage);
  }
}

// Bodies of holds, refunds and confirmations.
EntryBody TakeHoldBody(const record::EntryRecord& in, const TextReader& texts, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kHoldPlaced:
      return HoldPlaced{FromRecord(in.hold_placed().hold(), damage),
                        TakeLabels(in.hold_placed(), texts)};
    case record::EntryRecord::kHoldExtended:
      return HoldExtended{in.hold_extended().hold_sequence(), in.hold_extended().member_id(),
                          TimeFromRecord(in.hold_extended().expires_at_unix_nanos())};
    case record::EntryRecord::kHoldEnded: {
      const auto& from = in.hold_ended();
      return HoldEnded{from.hold_sequence(), from.member_id(),
                       EnumFromRecord(from.end(), HoldEnd::kReleased, HoldEnd::kExpired, damage),
                       Nanos(from.included_nanos()), Nanos(from.extra_nanos())};
    }
    case record::EntryRecord::kEntryReversed:
      return TakeReversed(in.entry_reversed(), damage);
    case record::EntryRecord::kExtraUsageConfirmed:
      return ExtraUsageConfirmed{in.extra_usage_confirmed().member_id(),
                                 FromRecord(in.extra_usage_confirmed().window(), damage)};
    case record::EntryRecord::kCrossingNoticed:
      return CrossingNoticed{in.crossing_noticed().member_id(), in.crossing_noticed().surface(),
                             FromRecord(in.crossing_noticed().window(), damage)};
    default:
      return TakePolicyBody(in, damage);
  }
}

EntryBody TakeBody(const record::EntryRecord& in, int64_t recorded_at_nanos,
                   const TextReader& texts, Damage& damage) {
  switch (in.body_case()) {
    case record::EntryRecord::kUsageCharged:
      return TakeCharge(in.usage_charged(), recorded_at_nanos, texts, damage);
    case record::EntryRecord::kWindowOpened: {
      const auto& from = in.window_opened();
      return WindowOpened{ScopeFromRecord(from.scope(), damage), from.member_id(),
                          WindowKindFromRecord(from.kind(), damage),
                          FromRecord(from.window(), damage),
                          FromRecord(from.previous_spent(), damage)};
    }
    case record::EntryRecord::kMonthOpened: {
      const auto& from = in.month_opened();
      return MonthOpened{ScopeFromRecord(from.scope(), damage), from.scope_id(),
                         FromRecord(from.month(), damage), FromRecord(from.previous(), damage)};
    }
    case record::EntryRecord::kCreditGranted: {
      const auto& from = in.credit_granted();
      CreditGranted body;
      body.kind = CreditKindFromRecord(from.kind(), damage);
      body.amount = Nanos(from.amount_nanos());
      if (from.has_expires_at_unix_nanos()) {
        body.expires_at = TimeFromRecord(from.expires_at_unix_nanos());
      }
      body.reference = from.reference();
      body.repaid_overdraft = Nanos(from.repaid_overdraft_nanos());
      body.refund_of = from.refund_of();
      body.payment_sequence = from.payment_sequence();
      return body;
    }
    case record::EntryRecord::kCreditExpired:
      return CreditExpired{in.credit_expired().grant_sequence(),
                           Nanos(in.credit_expired().amount_nanos())};
    case record::EntryRecord::kEpisodeOpened:
      return EpisodeOpened{in.episode_opened().balance(), in.episode_opened().member_id(),
                           in.episode_opened().surface()};
    case record::EntryRecord::kEpisodeEnded:
      return EpisodeEnded{in.episode_ended().episode_sequence(), in.episode_ended().cause()};
    case record::EntryRecord::kPendingChangeApplied: {
      const auto& from = in.pending_change_applied();
      PendingChangeApplied body;
      if (from.has_settings()) body.settings = FromRecord(from.settings(), damage);
      if (from.has_seat()) body.seat = FromRecord(from.seat(), damage);
      return body;
    }
    default:
      return TakeHoldBody(in, texts, damage);
  }
}

std::string TakeRequestId(const record::EntryRecord& in, Damage& damage) {
  if (in.request_case() != record::EntryRecord::kRequestUuid) return in.request_id();
  if (in.request_uuid().size() != kUuidBytes) {
    damage.Note("a request's UUID has another size");
    return "";
  }
  return UnpackUuid(in.request_uuid());
}

}  // namespace

std::string FirstChainHash(const std::string& organization_id) { return Sha256({organization_id}); }

EncodedJournal EncodeJournal(const std::string& previous_chain_hash,
                             const std::vector<Entry>& entries) {
  BURSAR_CHECK(!entries.empty());
  google::protobuf::Arena arena;
  auto* body = google::protobuf::Arena::CreateMessage<record::JournalBody>(&arena);
  const int64_t recorded_at_nanos = TimeToRecord(entries.front().recorded_at);
  body->set_first_sequence(entries.front().sequence);
  body->set_recorded_at_unix_nanos(recorded_at_nanos);
  TextWriter texts(body);
  int64_t sequence = entries.front().sequence;
  for (const Entry& entry : entries) {
    BURSAR_CHECK(entry.sequence == sequence++);
    PutEntry(entry, recorded_at_nanos, texts, body->add_entries());
  }
  record::JournalRecord out;
  out.set_body(body->SerializeAsString());
  EncodedJournal encoded;
  encoded.chain_hash = Sha256({previous_chain_hash, out.body()});
  out.set_chain_hash(encoded.chain_hash);
  encoded.bytes = out.SerializeAsString();
  return encoded;
}

absl::StatusOr<DecodedJournal> DecodeJournal(std::string_view bytes) {
  Damage damage("a journal record");
  google::protobuf::Arena arena;
  auto& outer = *google::protobuf::Arena::CreateMessage<record::JournalRecord>(&arena);
  auto& body = *google::protobuf::Arena::CreateMessage<record::JournalBody>(&arena);
  ParseRecord(bytes, outer, damage);
  ParseRecord(outer.body(), body, damage);
  if (damage.found()) return damage.ToStatus();
  if (body.entries().empty()) damage.Note("it has no entries");
  if (body.first_sequence() < 1 || body.first_sequence() > INT64_MAX - body.entries_size()) {
    damage.Note("its sequence is out of range");
    return damage.ToStatus();
  }
  DecodedJournal decoded;
  decoded.chain_hash = outer.chain_hash();
  if (decoded.chain_hash.size() != kSha256Bytes) damage.Note("its chain hash has another size");
  const TextReader texts(body, damage);
  decoded.entries.reserve(body.entries_size());
  for (int i = 0; i < body.entries_size(); ++i) {
    const record::EntryRecord& in = body.entries(i);
    const int64_t recorded_at_nanos =
        WrappingPlus(body.recorded_at_unix_nanos(), in.recorded_after_nanos());
    Entry& entry = decoded.entries.emplace_back();
    entry.sequence = body.first_sequence() + i;
    entry.recorded_at = TimeFromRecord(recorded_at_nanos);
    entry.cause = {texts.At(in.actor()), texts.At(in.caller()), TakeRequestId(in, damage)};
    entry.body = TakeBody(in, recorded_at_nanos, texts, damage);
  }
  if (damage.found()) return damage.ToStatus();
  return decoded;
}

absl::Status CheckReadable(const Entry& entry) {
  const absl::Status status = DecodeJournal(EncodeJournal("", {entry}).bytes).status();
  if (status.ok()) return status;
  return absl::InternalError(
      absl::StrCat("nothing was changed: the entry could not be read back: ", status.message()));
}

absl::StatusOr<std::string> ExpectedChainHash(const std::string& previous_chain_hash,
                                              std::string_view bytes) {
  Damage damage("a journal record");
  record::JournalRecord outer;
  ParseRecord(bytes, outer, damage);
  if (damage.found()) return damage.ToStatus();
  return Sha256({previous_chain_hash, outer.body()});
}

}  // namespace bursar
