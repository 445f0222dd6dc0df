// Time zones: the one place where an organization's local calendar becomes instants.
//
// A `Zone` is a named IANA time zone as a plain value. The ledger is handed one, so that zone data
// is an input that it was given and never a file that it reads. A `ZoneDatabase` is where a Zone
// comes from: it reads the system's zone data, once per name, and says which version that is.
//
// Thread rule: a Zone is an immutable value, free to copy and to use from any thread. Every method
// of ZoneDatabase may be called from any thread.
//
// Source: rule T4 (docs/rules.md).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace bursar {

// A named time zone with its rules of daylight saving, past and future. As cheap as a pointer.
class Zone {
 public:
  // UTC, which needs no data.
  Zone() : time_zone_(absl::UTCTimeZone()) {}

  // A zone from Abseil's own type. For tests and for ZoneDatabase: elsewhere a zone comes from
  // the database, which checks its name.
  static Zone Wrap(absl::TimeZone time_zone) { return Zone(time_zone); }

  // The IANA name, such as "Europe/Berlin".
  std::string name() const { return time_zone_.name(); }

  // What a clock on the wall shows at `instant`, to the second below.
  absl::CivilSecond LocalAt(absl::Time instant) const { return time_zone_.At(instant).cs; }

  // The instant at which a clock on the wall shows `local` and `subsecond` (in [0, 1 s)) more.
  // A local time that does not exist, because clocks went forward over it, means the first instant
  // after the gap, without the subsecond; one that exists twice means the earlier (rule T4). So the
  // result never decreases as the local time grows, and two local times in one gap are one instant.
  absl::Time Resolve(absl::CivilSecond local,
                     absl::Duration subsecond = absl::ZeroDuration()) const;

  // For formatting and for Abseil's functions.
  const absl::TimeZone& time_zone() const { return time_zone_; }

  friend bool operator==(const Zone& a, const Zone& b) { return a.time_zone_ == b.time_zone_; }

 private:
  explicit Zone(absl::TimeZone time_zone) : time_zone_(time_zone) {}

  absl::TimeZone time_zone_;
};

// The zones of this machine (the directory in the environment variable TZDIR, otherwise
// /usr/share/zoneinfo).
//
// A zone's data is read once per process: an update of the system's zone data takes effect at the
// next start, where it moves only windows that are not open yet (rule T4).
class ZoneDatabase {
 public:
  // The machine's zone data.
  ZoneDatabase();

  ZoneDatabase(const ZoneDatabase&) = delete;
  ZoneDatabase& operator=(const ZoneDatabase&) = delete;

  // The zone of that IANA name; names are case-sensitive. "UTC" is always there.
  // Errors: INVALID_ARGUMENT, naming the value and an example, when the name is empty, malformed,
  // unknown, or means another thing on another machine ("localtime", "posixrules", "Factory",
  // absolute paths, "posix/…", "right/…", "Fixed/…"); FAILED_PRECONDITION when this machine has no
  // zone data at all. Refused and unknown names cost no memory.
  absl::StatusOr<Zone> Find(std::string_view name) const;

  // The version of the zone data, such as "2026a", or "unknown" where the files do not tell. As of
  // construction.
  const std::string& version() const { return version_; }

  // OK when `name` has the form of a portable IANA name, whether or not it is known. Pure: reads
  // no file. Errors as for Find.
  static absl::Status ValidateName(std::string_view name);

  // The version that the zone data in `directory` declares: the first line of tzdata.zi, or the
  // first of +VERSION; "unknown" when neither tells.
  static std::string ReadVersion(const std::string& directory);

 private:
  const std::string directory_;
  const std::string version_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Zone, std::less<>> zones_;  // Guarded by mutex_.
};

}  // namespace bursar
