#include "server/engine/record_codec.h"

#include "bursar/storage/v1/dedupe.pb.h"
#include "bursar/storage/v1/wallet.pb.h"
#include "google/protobuf/arena.h"
#include "server/base/sha256.h"
#include "server/engine/channel_records.h"
#include "server/engine/limit_codec.h"
#include "server/engine/payment_codec.h"
#include "server/engine/record_parts.h"
#include "server/engine/request_codec.h"
#include "server/engine/statement_codec.h"

namespace bursar {
namespace {

namespace record = storage::v1;

void ToRecord(const WindowCounter& counter, record::WindowCounterRecord* out) {
  out->set_kind(static_cast<uint32_t>(counter.kind));
  ToRecord(counter.window, out->mutable_window());
  PutAmount(counter.spent, [out] { return out->mutable_spent(); });
  out->set_opened_sequence(counter.opened_sequence);
}

WindowCounter FromRecord(const record::WindowCounterRecord& in, Damage& damage) {
  WindowCounter counter;
  counter.kind = WindowKindFromRecord(in.kind(), damage);
  counter.window = FromRecord(in.window(), damage);
  counter.spent = FromRecord(in.spent(), damage);
  counter.opened_sequence = in.opened_sequence();
  return counter;
}

void ToRecord(const CreditGrant& grant, record::CreditGrantRecord* out) {
  out->set_sequence(grant.sequence);
  out->set_kind(static_cast<uint32_t>(grant.kind));
  out->set_amount_nanos(grant.amount.value);
  out->set_remaining_nanos(grant.remaining.value);
  if (grant.expires_at != absl::InfiniteFuture()) {
    out->set_expires_at_unix_nanos(TimeToRecord(grant.expires_at));
  }
  out->set_granted_at_unix_nanos(TimeToRecord(grant.granted_at));
  out->set_reference(grant.reference);
}

CreditGrant FromRecord(const record::CreditGrantRecord& in, Damage& damage) {
  CreditGrant grant;
  grant.sequence = in.sequence();
  grant.kind = CreditKindFromRecord(in.kind(), damage);
  grant.amount = Nanos(in.amount_nanos());
  grant.remaining = Nanos(in.remaining_nanos());
  if (in.has_expires_at_unix_nanos()) grant.expires_at = TimeFromRecord(in.expires_at_unix_nanos());
  grant.granted_at = TimeFromRecord(in.granted_at_unix_nanos());
  grant.reference = in.reference();
  return grant;
}

void ToRecord(const TierState& tier, record::TierStateRecord* out) {
  out->set_tier_id(tier.tier_id);
  out->set_seats(tier.seats);
  ToRecord(tier.month, out->mutable_month());
  PutAmount(tier.held_extra, [out] { return out->mutable_held_extra(); });
  if (tier.limit.has_value()) ToRecord(*tier.limit, out->mutable_limit());
  LimitsToRecord(tier, out);
}

TierState FromRecord(const record::TierStateRecord& in, Damage& damage) {
  TierState tier;
  tier.tier_id = in.tier_id();
  tier.seats = in.seats();
  tier.month = FromRecord(in.month(), damage);
  tier.held_extra = FromRecord(in.held_extra(), damage);
  if (in.has_limit()) tier.limit = FromRecord(in.limit(), damage);
  LimitsFromRecord(in, tier, damage);
  return tier;
}

void ToRecord(const BurnCounters::Bucket& bucket, record::BurnBucketRecord* out) {
  out->set_index(bucket.index);
  PutAmount(bucket.spent, [out] { return out->mutable_spent(); });
}

BurnCounters::Bucket FromRecord(const record::BurnBucketRecord& in, Damage& damage) {
  BurnCounters::Bucket bucket;
  bucket.index = in.index();
  bucket.spent = FromRecord(in.spent(), damage);
  return bucket;
}

void ToRecord(const LifetimeTotals& totals, record::LifetimeTotalsRecord* out) {
  PutAmount(totals.credited, [out] { return out->mutable_credited(); });
  PutAmount(totals.consumed, [out] { return out->mutable_consumed(); });
  PutAmount(totals.expired, [out] { return out->mutable_expired(); });
  PutAmount(totals.charged, [out] { return out->mutable_charged(); });
  PutAmount(totals.reversed, [out] { return out->mutable_reversed(); });
  PutAmount(totals.overshoot_held, [out] { return out->mutable_overshoot_held(); });
  PutAmount(totals.overshoot_soft, [out] { return out->mutable_overshoot_soft(); });
  PutAmount(totals.overshoot_unadmitted, [out] { return out->mutable_overshoot_unadmitted(); });
  PutAmount(totals.overshoot_policy, [out] { return out->mutable_overshoot_policy(); });
  PutAmount(totals.paid_back, [out] { return out->mutable_paid_back(); });
  PutAmount(totals.overdraft_billed, [out] { return out->mutable_overdraft_billed(); });
}

LifetimeTotals FromRecord(const record::LifetimeTotalsRecord& in, Damage& damage) {
  LifetimeTotals totals;
  totals.credited = FromRecord(in.credited(), damage);
  totals.consumed = FromRecord(in.consumed(), damage);
  totals.expired = FromRecord(in.expired(), damage);
  totals.charged = FromRecord(in.charged(), damage);
  totals.reversed = FromRecord(in.reversed(), damage);
  totals.overshoot_held = FromRecord(in.overshoot_held(), damage);
  totals.overshoot_soft = FromRecord(in.overshoot_soft(), damage);
  totals.overshoot_unadmitted = FromRecord(in.overshoot_unadmitted(), damage);
  totals.overshoot_policy = FromRecord(in.overshoot_policy(), damage);
  totals.paid_back = FromRecord(in.paid_back(), damage);
  totals.overdraft_billed = FromRecord(in.overdraft_billed(), damage);
  return totals;
}

void ExtraUsageToRecord(const WalletHeader& header, record::HeaderRecord* out) {
  out->set_extra_enabled(header.extra_enabled);
  out->set_audience(static_cast<uint32_t>(header.audience));
  out->set_selection_generation(header.selection_generation);
  out->set_selected_count(header.selected_count);
  for (const CreditGrant& grant : header.grants) ToRecord(grant, out->add_grants());
  PutAmount(header.overdraft, [out] { return out->mutable_overdraft(); });
  if (header.episode.has_value()) {
    record::EpisodeRecord* episode = out->mutable_episode();
    episode->set_sequence(header.episode->sequence);
    episode->set_opened_at_unix_nanos(TimeToRecord(header.episode->opened_at));
    episode->set_balance(header.episode->balance);
    if (header.episode->answer.has_value()) {
      ToRecord(*header.episode->answer, episode->mutable_answer());
    }
  }
  for (const auto& bucket : header.burn.hours) ToRecord(bucket, out->add_burn_hours());
  for (const auto& bucket : header.burn.days) ToRecord(bucket, out->add_burn_days());
  ToRecord(header.totals, out->mutable_totals());
  for (const Payment& payment : header.open_payments) ToRecord(payment, out->add_open_payments());
  if (!(header.reload == AutoReload())) ToRecord(header.reload, out->mutable_reload());
  out->set_low_balance_armed(header.low_balance_armed);
}

void ExtraUsageFromRecord(const record::HeaderRecord& in, WalletHeader& header, Damage& damage) {
  header.extra_enabled = in.extra_enabled();
  header.audience = AudienceFromRecord(in.audience(), damage);
  header.selection_generation = in.selection_generation();
  header.selected_count = in.selected_count();
  for (const auto& grant : in.grants()) header.grants.push_back(FromRecord(grant, damage));
  header.overdraft = FromRecord(in.overdraft(), damage);
  if (in.has_episode()) {
    Episode episode;
    episode.sequence = in.episode().sequence();
    episode.opened_at = TimeFromRecord(in.episode().opened_at_unix_nanos());
    episode.balance = in.episode().balance();
    if (in.episode().has_answer()) episode.answer = FromRecord(in.episode().answer(), damage);
    header.episode = episode;
  }
  for (const auto& bucket : in.burn_hours()) {
    header.burn.hours.push_back(FromRecord(bucket, damage));
  }
  for (const auto& bucket : in.burn_days()) header.burn.days.push_back(FromRecord(bucket, damage));
  header.totals = FromRecord(in.totals(), damage);
  for (const auto& payment : in.open_payments()) {
    header.open_payments.push_back(FromRecord(payment, damage));
  }
  if (in.has_reload()) header.reload = FromRecord(in.reload(), damage);
  header.low_balance_armed = in.low_balance_armed();
}

void ToRecord(const Reversal& reversal, record::ReversalRecord* out) {
  out->set_sequence(reversal.sequence);
  ToRecord(reversal.facts, out->mutable_facts());
  out->set_included_nanos(reversal.included.value);
  out->set_extra_nanos(reversal.extra.value);
  out->set_metered_nanos(reversal.metered.value);
}

Reversal FromRecord(const record::ReversalRecord& in, Damage& damage) {
  Reversal reversal;
  reversal.sequence = in.sequence();
  reversal.facts = FromRecord(in.facts(), damage);
  reversal.included = Nanos(in.included_nanos());
  reversal.extra = Nanos(in.extra_nanos());
  reversal.metered = Nanos(in.metered_nanos());
  if (reversal.sequence <= 0) damage.Note("it reverses no entry");
  return reversal;
}

}  // namespace

std::string EncodeHeader(const WalletHeader& header, const std::string& chain_hash) {
  google::protobuf::Arena arena;
  auto* out = google::protobuf::Arena::CreateMessage<record::HeaderRecord>(&arena);
  out->set_organization_id(header.organization_id);
  out->set_revision(header.revision);
  if (header.last_entry_at != absl::InfinitePast()) {
    out->set_last_entry_at_unix_nanos(TimeToRecord(header.last_entry_at));
  }
  out->set_created_at_unix_nanos(TimeToRecord(header.created_at));
  out->set_settings_version(header.settings_version);
  ToRecord(header.settings, out->mutable_settings());
  if (header.pending_settings.has_value()) {
    ToRecord(*header.pending_settings, out->mutable_pending_settings());
  }
  ExtraUsageToRecord(header, out);
  if (header.limit.has_value()) ToRecord(*header.limit, out->mutable_limit());
  LimitsToRecord(header, out);
  for (const TierState& tier : header.tiers) ToRecord(tier, out->add_tiers());
  out->set_member_count(header.member_count);
  out->set_owner_count(header.owner_count);
  out->set_primary_owner_id(header.primary_owner_id);
  ToRecord(header.month, out->mutable_month());
  for (const WindowCounter& counter : header.pool_windows) {
    ToRecord(counter, out->add_pool_windows());
  }
  PutAmount(header.held_extra, [out] { return out->mutable_held_extra(); });
  PutAmount(header.held_included, [out] { return out->mutable_held_included(); });
  out->set_open_hold_count(header.open_hold_count);
  if (header.next_hold_expiry != absl::InfiniteFuture()) {
    out->set_next_hold_expiry_unix_nanos(TimeToRecord(header.next_hold_expiry));
  }
  for (const PendingSeat& seat : header.pending_seats) ToRecord(seat, out->add_pending_seats());
  if (header.channels != NotificationChannels()) ToRecord(header.channels, out->mutable_channels());
  out->set_channels_version(header.channels_version);
  if (header.next_digest != absl::InfiniteFuture()) {
    out->set_next_digest_unix_nanos(TimeToRecord(header.next_digest));
  }
  ToRecord(header.statement, out->mutable_statement());
  out->set_open_request_count(header.open_request_count);
  out->set_chain_hash(chain_hash);
  return out->SerializeAsString();
}

absl::StatusOr<StoredHeader> DecodeHeader(std::string_view bytes) {
  Damage damage("a wallet's header");
  google::protobuf::Arena arena;
  auto& in = *google::protobuf::Arena::CreateMessage<record::HeaderRecord>(&arena);
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  StoredHeader stored;
  WalletHeader& header = stored.header;
  header.organization_id = in.organization_id();
  header.revision = in.revision();
  if (in.has_last_entry_at_unix_nanos()) {
    header.last_entry_at = TimeFromRecord(in.last_entry_at_unix_nanos());
  }
  header.created_at = TimeFromRecord(in.created_at_unix_nanos());
  header.settings_version = in.settings_version();
  header.settings = FromRecord(in.settings(), damage);
  if (in.has_pending_settings())
    header.pending_settings = FromRecord(in.pending_settings(), damage);
  ExtraUsageFromRecord(in, header, damage);
  if (in.has_limit()) header.limit = FromRecord(in.limit(), damage);
  LimitsFromRecord(in, header, damage);
  for (const auto& tier : in.tiers()) header.tiers.push_back(FromRecord(tier, damage));
  header.member_count = in.member_count();
  header.owner_count = in.owner_count();
  header.primary_owner_id = in.primary_owner_id();
  header.month = FromRecord(in.month(), damage);
  for (const auto& counter : in.pool_windows()) {
    header.pool_windows.push_back(FromRecord(counter, damage));
  }
  header.held_extra = FromRecord(in.held_extra(), damage);
  header.held_included = FromRecord(in.held_included(), damage);
  header.open_hold_count = in.open_hold_count();
  if (in.has_next_hold_expiry_unix_nanos()) {
    header.next_hold_expiry = TimeFromRecord(in.next_hold_expiry_unix_nanos());
  }
  for (const auto& seat : in.pending_seats()) {
    header.pending_seats.push_back(FromRecord(seat, damage));
  }
  if (in.has_channels()) header.channels = FromRecord(in.channels(), damage);
  header.channels_version = in.channels_version();
  if (in.has_next_digest_unix_nanos()) {
    header.next_digest = TimeFromRecord(in.next_digest_unix_nanos());
  }
  header.statement = FromRecord(in.statement(), damage);
  header.open_request_count = in.open_request_count();
  stored.chain_hash = in.chain_hash();
  if (header.organization_id.empty()) damage.Note("it names no organization");
  if (header.revision <= 0) damage.Note("it has no revision");
  if (stored.chain_hash.size() != kSha256Bytes) damage.Note("its chain hash has another size");
  if (damage.found()) return damage.ToStatus();
  return stored;
}

std::string EncodeMember(const Member& member) {
  google::protobuf::Arena arena;
  auto* out = google::protobuf::Arena::CreateMessage<record::MemberRecord>(&arena);
  SettingsToRecord(member, out);
  if (member.limit.has_value()) ToRecord(*member.limit, out->mutable_limit());
  LimitsToRecord(member, out);
  for (const WindowCounter& counter : member.windows) ToRecord(counter, out->add_windows());
  ToRecord(member.month, out->mutable_month());
  for (const TierSpend& spend : member.tier_spends) {
    record::TierSpendRecord* tier_spend = out->add_tier_spends();
    tier_spend->set_tier_id(spend.tier_id);
    PutAmount(spend.extra, [tier_spend] { return tier_spend->mutable_extra(); });
  }
  PutAmount(member.held_included, [out] { return out->mutable_held_included(); });
  PutAmount(member.held_extra, [out] { return out->mutable_held_extra(); });
  if (member.confirmed_until != absl::InfinitePast()) {
    out->set_confirmed_until_unix_nanos(TimeToRecord(member.confirmed_until));
  }
  if (member.crossing_noticed_until != absl::InfinitePast()) {
    out->set_crossing_noticed_until_unix_nanos(TimeToRecord(member.crossing_noticed_until));
  }
  if (member.requests.has_value()) ToRecord(*member.requests, out->mutable_requests());
  return out->SerializeAsString();
}

absl::StatusOr<Member> DecodeMember(std::string_view bytes) {
  Damage damage("a member record");
  google::protobuf::Arena arena;
  auto& in = *google::protobuf::Arena::CreateMessage<record::MemberRecord>(&arena);
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  Member member = SettingsFromRecord(in, damage);
  if (in.has_limit()) member.limit = FromRecord(in.limit(), damage);
  LimitsFromRecord(in, member, damage);
  for (const auto& counter : in.windows()) member.windows.push_back(FromRecord(counter, damage));
  member.month = FromRecord(in.month(), damage);
  for (const auto& spend : in.tier_spends()) {
    member.tier_spends.push_back({spend.tier_id(), FromRecord(spend.extra(), damage)});
  }
  member.held_included = FromRecord(in.held_included(), damage);
  member.held_extra = FromRecord(in.held_extra(), damage);
  if (in.has_confirmed_until_unix_nanos()) {
    member.confirmed_until = TimeFromRecord(in.confirmed_until_unix_nanos());
  }
  if (in.has_crossing_noticed_until_unix_nanos()) {
    member.crossing_noticed_until = TimeFromRecord(in.crossing_noticed_until_unix_nanos());
  }
  if (in.has_requests()) member.requests = FromRecord(in.requests(), damage);
  if (member.member_id.empty()) damage.Note("it names no member");
  if (damage.found()) return damage.ToStatus();
  return member;
}

std::string EncodeHold(const Hold& hold) {
  record::HoldRecord out;
  ToRecord(hold, &out);
  return out.SerializeAsString();
}

absl::StatusOr<Hold> DecodeHold(std::string_view bytes) {
  Damage damage("a hold");
  record::HoldRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  Hold hold = FromRecord(in, damage);
  if (hold.sequence <= 0) damage.Note("it has no sequence");
  if (damage.found()) return damage.ToStatus();
  return hold;
}

std::string EncodeReversal(const Reversal& reversal) {
  record::ReversalRecord out;
  ToRecord(reversal, &out);
  return out.SerializeAsString();
}

absl::StatusOr<Reversal> DecodeReversal(std::string_view bytes) {
  Damage damage("the record of a reversal");
  record::ReversalRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  Reversal reversal = FromRecord(in, damage);
  if (damage.found()) return damage.ToStatus();
  return reversal;
}

std::string EncodeEndedHold(const EndedHold& hold) {
  record::EndedHoldRecord out;
  out.set_sequence(hold.sequence);
  out.set_member_id(hold.member_id);
  out.set_surface(hold.surface);
  out.set_provider(hold.provider);
  out.set_model(hold.model);
  out.set_parent_session_id(hold.parent_session_id);
  out.set_end(static_cast<uint32_t>(hold.end));
  out.set_ended_at_unix_nanos(TimeToRecord(hold.ended_at));
  if (hold.capture.has_value()) ToRecord(*hold.capture, out.mutable_capture());
  return out.SerializeAsString();
}

absl::StatusOr<EndedHold> DecodeEndedHold(std::string_view bytes) {
  Damage damage("an ended hold");
  record::EndedHoldRecord in;
  ParseRecord(bytes, in, damage);
  if (damage.found()) return damage.ToStatus();
  EndedHold hold;
  hold.sequence = in.sequence();
  hold.member_id = in.member_id();
  hold.surface = in.surface();
  hold.provider = in.provider();
  hold.model = in.model();
  hold.parent_session_id = in.parent_session_id();
  hold.end = EnumFromRecord(in.end(), HoldEnd::kSettled, HoldEnd::kCaptured, damage);
  hold.ended_at = TimeFromRecord(in.ended_at_unix_nanos());
  if (in.has_capture()) hold.capture = FromRecord(in.capture(), damage);
  if (hold.sequence <= 0 || hold.member_id.empty()) damage.Note("it names no hold of anybody");
  if (hold.capture.has_value() != (hold.end == HoldEnd::kCaptured)) {
    damage.Note("it is captured without a charge, or has one without being captured");
  }
  if (damage.found()) return damage.ToStatus();
  return hold;
}

std::string SequenceKey(int64_t sequence) {
  std::string key(8, '\0');
  for (int i = 7; i >= 0; --i, sequence >>= 8) key[i] = static_cast<char>(sequence & 0xff);
  return key;
}

std::string EncodeRemembered(const RememberedRequest& request) {
  record::DedupeRecord out;
  out.set_content_hash(request.content_hash);
  out.set_sequence(request.sequence);
  out.set_revision(request.revision);
  out.set_reply(request.reply);
  return out.SerializeAsString();
}

absl::StatusOr<RememberedRequest> DecodeRemembered(std::string_view bytes) {
  Damage damage("a remembered request id");
  record::DedupeRecord in;
  ParseRecord(bytes, in, damage);
  if (in.sequence() <= 0 || in.revision() < in.sequence()) damage.Note("it names no journal entry");
  if (damage.found()) return damage.ToStatus();
  return RememberedRequest{in.content_hash(), in.sequence(), in.revision(), in.reply()};
}

}  // namespace bursar
