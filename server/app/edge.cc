#include "server/app/edge.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "server/app/logging.h"
#include "server/app/transport.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

constexpr absl::Duration kMemoryInterval = absl::Milliseconds(100);
// What a door has to answer at the most, so that a drain never waits long for a knock.
constexpr absl::Duration kLongestKnock = absl::Seconds(2);
// A door is given up after so many knocks in a row, which with the pauses between them take
// --watchdog-timeout. They are that many so that relief comes early, long before the end.
constexpr int kMaxKnocks = 15;

// The process is past draining: it is out of memory or does not hear.
[[noreturn]] void EndProcess(int exit_status, const std::string& why) {
  LogLastWords(why);
  _exit(exit_status);
}

ConnectionGuardOptions GuardOptionsOf(const EdgeOptions& edge) {
  ConnectionGuardOptions options;
  options.max_connections = edge.max_connections;
  options.user_timeout = edge.keepalive_timeout;
  return options;
}

}  // namespace

Edge::Edge(const Options& options)
    : options_(options),
      memory_limit_bytes_(MemoryLimitOf(options.edge)),
      connections_(GuardOptionsOf(options.edge)) {
  if (options.edge.max_calls_per_second_per_caller > 0) {
    caller_rate_.emplace(options.edge.max_calls_per_second_per_caller, &clock_);
  }
}

Edge::~Edge() {
  Unwatch();
  Refuse();
}

void Edge::Guard(Gate* gate) {
  gate->SetWitness(&connections_);
  if (caller_rate_.has_value()) gate->SetCallerRate(&*caller_rate_);
}

ConnectionGuard::Take Edge::TakerOf(grpc::ServerBuilder* builder,
                                    const std::shared_ptr<grpc::ServerCredentials>& transport) {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;
  const std::shared_ptr<Acceptor> acceptor =
      builder->experimental().AddExternalConnectionAcceptor(Type::FROM_FD, transport);
  return [acceptor](int descriptor) {
    Acceptor::NewConnectionParameters connection;
    connection.fd = descriptor;
    acceptor->HandleNewConnection(&connection);
  };
}

absl::Status Edge::Listen(const TlsIdentity& identity, grpc::ServerBuilder* builder) {
  const absl::Status enough = ConnectionGuard::EnsureDescriptors(options_.edge.max_connections);
  if (!enough.ok()) return enough;
  const std::shared_ptr<grpc::ServerCredentials> transport = MakeTransport(identity);
  ConfigureTransport(options_, memory_limit_bytes_, builder);
  ConnectionGuard::Take take_tcp;
  ConnectionGuard::Take take_unix;
  for (const ListenAddress& address : options_.listen) {
    ConnectionGuard::Take& take = address.is_unix() ? take_unix : take_tcp;
    if (take == nullptr) {
      take = TakerOf(builder, address.is_unix() ? grpc::InsecureServerCredentials() : transport);
    }
    const absl::StatusOr<int> port = connections_.Listen(address, take);
    if (!port.ok()) return port.status();
    ports_.push_back(*port);
    addresses_.push_back(address.WithPort(*port));
  }
  return absl::OkStatus();
}

absl::Status Edge::Accept() { return connections_.Start(); }

absl::Status Edge::Knock(size_t index, absl::Duration timeout) {
  const int64_t refused_before = connections_.counts().refused_full;
  absl::Status answer = KnockAt(options_.listen[index], ports_[index], options_.has_tls(), timeout);
  if (!answer.ok() && connections_.counts().refused_full > refused_before) {
    return absl::ResourceExhaustedError("callers use every connection");
  }
  return answer;
}

void Edge::Watch() {
  if (memory_limit_bytes_ > 0) {
    memory_.emplace(MarksOf(memory_limit_bytes_),
                    MemoryGuard::Actions{
                        ReadResidentBytes,
                        [this](bool on) { connections_.WatchForTrouble(Trouble::kMemory, on); },
                        [this] { return connections_.Shed(); },
                        [](const std::string& why) { EndProcess(kOutOfMemoryExitStatus, why); }});
    memory_thread_ = std::make_unique<PeriodicThread>();
    memory_thread_->Start(kMemoryInterval, [this] { memory_->Look(); });
  }
  if (options_.edge.watchdog_timeout > absl::ZeroDuration()) {
    // Half of each turn is for the answer; the rest is the pause.
    const absl::Duration turn = options_.edge.watchdog_timeout / kMaxKnocks;
    const absl::Duration answer = std::min(turn / 2, kLongestKnock);
    std::vector<Watchdog::Door> doors;
    for (size_t i = 0; i < addresses_.size(); ++i) {
      doors.push_back({addresses_[i], [this, i, answer] { return Knock(i, answer); }});
    }
    watchdog_.emplace(
        std::move(doors), kMaxKnocks,
        Watchdog::Actions{[this](bool on) { connections_.WatchForTrouble(Trouble::kDeafness, on); },
                          [this] { return connections_.Shed(); },
                          [](const std::string& why) { EndProcess(kDeafExitStatus, why); }});
    watchdog_thread_ = std::make_unique<PeriodicThread>();
    watchdog_thread_->Start(turn - answer, [this] { watchdog_->Look(); });
  }
}

void Edge::Unwatch() {
  watchdog_thread_ = nullptr;
  memory_thread_ = nullptr;
}

void Edge::Refuse() { connections_.Stop(); }

void Edge::CollectMetrics(MetricWriter* writer) const {
  const ConnectionGuard::Counts counts = connections_.counts();
  writer->Gauge("bursar_connections", "gRPC connections that are open.", counts.live);
  writer->Gauge("bursar_connections_max", "How many may be (--max-connections).",
                options_.edge.max_connections);
  writer->Counter("bursar_connections_accepted_total", "gRPC connections that were taken.",
                  static_cast<double>(counts.accepted));
  constexpr char kRefused[] = "bursar_connections_refused_total";
  constexpr char kRefusedHelp[] = "gRPC connections that were refused, by what was lacking.";
  writer->Counter(kRefused, kRefusedHelp, static_cast<double>(counts.refused_full),
                  {{"reason", "max_connections"}});
  writer->Counter(kRefused, kRefusedHelp, static_cast<double>(counts.refused_descriptors),
                  {{"reason", "descriptors"}});
  constexpr char kClosed[] = "bursar_connections_closed_total";
  constexpr char kClosedHelp[] = "gRPC connections without a credential that were closed, by why.";
  writer->Counter(kClosed, kClosedHelp, static_cast<double>(counts.displaced),
                  {{"reason", "max_connections"}});
  writer->Counter(kClosed, kClosedHelp, static_cast<double>(counts.shed), {{"reason", "shed"}});
  writer->Gauge("bursar_memory_limit_bytes", "--memory-limit; 0 where there is none.",
                static_cast<double>(memory_limit_bytes_));
}

}  // namespace bursar
