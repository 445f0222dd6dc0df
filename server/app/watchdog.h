// Knocks at the server's own doors, and ends a process that nobody can reach any more.
//
// A server can be alive and deaf: its listeners gone, its queues stuck, its descriptors used up. No
// supervisor sees that. So each listening address is connected to anew and asked for its health,
// again and again. Any answer is a sign of life, "not serving" as well. An address that gave none
// to `max_failures` knocks in a row ends the process with a status of its own.
//
// Before that it is given relief: a client that keeps the transport busy is closed with the others
// that showed no credential, at each failed knock but the first, and the server may hear again.
//
// Knocks are counted, not time: a process that was stopped in a debugger or whose clock jumped has
// missed one knock at most.
//
// Thread rule: Look belongs to one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/app/listen_address.h"

namespace bursar {

class Watchdog {
 public:
  struct Door {
    std::string address;  // As it is shown.
    // OK: it answered. RESOURCE_EXHAUSTED: its callers fill it, which says nothing either way.
    // Anything else: no answer, and why.
    std::function<absl::Status()> knock;
  };
  struct Actions {
    // Whether a door is without an answer.
    std::function<void(bool on)> watch;
    // Gives relief; returns how many connections it closed.
    std::function<int()> shed;
    // Ends the process. Where it returns (in tests), the watchdog goes on.
    std::function<void(const std::string& why)> end;
  };

  // Requires: max_failures above zero.
  Watchdog(std::vector<Door> doors, int max_failures, Actions actions);

  // Knocks once at each door.
  void Look();

 private:
  struct Watched {
    Door door;
    int failures = 0;  // In a row.
  };

  void OnFailure(const absl::Status& answer, Watched* watched);

  std::vector<Watched> doors_;
  const int max_failures_;
  const Actions actions_;
  bool is_watching_ = false;
};

// One new connection to a server and one health check over it, without a credential. OK for any
// answer; UNAVAILABLE or DEADLINE_EXCEEDED without one. `address` is as it is listened at, with the
// port that the system chose; an address of every interface is asked on loopback. With TLS the
// certificate is not judged: it may be for names that this machine does not call itself by, nothing
// secret is sent, and what is to be shown is that connections are taken.
absl::Status KnockAt(const ListenAddress& address, int port, bool is_tls, absl::Duration timeout);

}  // namespace bursar
